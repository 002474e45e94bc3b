# Packages by `cpack`, run in the build directory: a Debian package and an archive.

set(package_scripts "${PROJECT_SOURCE_DIR}/cmake/cpack")

set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_PACKAGE_NAME davegan)
set(CPACK_SYSTEM_NAME "${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGE_VENDOR "davegan contributors")
if(NOT CPACK_PACKAGE_CONTACT) # who builds packages for others gives an address: -DCPACK_PACKAGE_CONTACT="Name <address>"
    set(CPACK_PACKAGE_CONTACT "davegan contributors")
endif()
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE-MIT")
set(CPACK_PRE_BUILD_SCRIPTS "${package_scripts}/prepare.cmake")
set(CPACK_POST_BUILD_SCRIPTS "${package_scripts}/installed_size.cmake")
set(CPACK_PROJECT_CONFIG_FILE "${package_scripts}/check_tools.cmake")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Learns a microstructure from one micrograph and generates volume elements of it: a program, and a library for C, C++ and Fortran.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What is built against the library, and packaged too, gets a dependency on this package.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
# CPack itself calls ldconfig for libraries in lib and usr/lib alone, and Debian's folder has the name of the architecture.
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${package_scripts}/triggers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)

include(CPack)
