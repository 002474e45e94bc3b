# Install rules: program with manual pages and completions, library with its symbolic links, headers, Fortran source, CMake
# package, pkg-config file, examples.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/davegan")

install(PROGRAMS "${program}" DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES "${library_dir}/${library_file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(FILES "${library_dir}/${library_soname}" "${library_dir}/${library_link}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/davegan.h include/davegan.hpp include/davegan.f90 DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${manual_dir}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}")
foreach(shell bash-completion zsh fish)
    install(DIRECTORY "${manual_dir}/${shell}" DESTINATION "${CMAKE_INSTALL_DATADIR}")
endforeach()
install(FILES LICENSE-MIT LICENSE-APACHE THIRD-PARTY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY examples-c/ DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples"
        PATTERN CMakeLists.txt EXCLUDE PATTERN quickstart.sh EXCLUDE PATTERN __pycache__ EXCLUDE)

set(library_path "${CMAKE_INSTALL_LIBDIR}/${library_file}")
configure_package_config_file(cmake/davegan-config.cmake.in "${PROJECT_BINARY_DIR}/davegan-config.cmake"
    INSTALL_DESTINATION "${package_dir}"
    PATH_VARS library_path CMAKE_INSTALL_INCLUDEDIR)
configure_file(cmake/davegan-config-version.cmake.in "${PROJECT_BINARY_DIR}/davegan-config-version.cmake" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/davegan-config.cmake" "${PROJECT_BINARY_DIR}/davegan-config-version.cmake"
        DESTINATION "${package_dir}")

# The prefix as seen from the pkg-config file, so that the installed tree may be moved.
file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH pc_libdir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH pc_includedir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
configure_file(cmake/davegan.pc.in "${PROJECT_BINARY_DIR}/davegan.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/davegan.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
