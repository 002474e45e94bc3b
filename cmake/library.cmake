# davegan::davegan, the shared library that cargo builds, and the program davegan with its manual pages and completions.

find_program(DAVEGAN_CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" REQUIRED DOC "The Rust build tool, see https://rustup.rs")

# Cargo's own default, so that a build by hand and a build by CMake compile the dependencies once.
if(DEFINED ENV{CARGO_TARGET_DIR})
    set(default_target_dir "$ENV{CARGO_TARGET_DIR}")
else()
    set(default_target_dir "${PROJECT_SOURCE_DIR}/target")
endif()
set(DAVEGAN_CARGO_TARGET_DIR "${default_target_dir}" CACHE PATH "Where cargo builds")

set(DAVEGAN_CARGO_OPTIONS "" CACHE STRING "More options of cargo build, such as --offline")

set(library_dir "${PROJECT_BINARY_DIR}/lib")
set(library_link libdavegan.so)
set(library_soname "${library_link}.${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(library_file "${library_link}.${PROJECT_VERSION}")
set(program "${PROJECT_BINARY_DIR}/bin/davegan")
set(manual_dir "${PROJECT_BINARY_DIR}/share")

set(cargo_features "")
if(DAVEGAN_WGPU)
    list(APPEND cargo_features --features wgpu)
endif()
if(DAVEGAN_CUDA AND NOT DAVEGAN_CUDA_NVRTC)
    list(APPEND cargo_features --features cuda)
endif()

set(cargo_package "${PROJECT_SOURCE_DIR}")
set(cargo_locked --locked)
if(DAVEGAN_CUDA_NVRTC)
    # A package of its own that links to the sources: it takes cmake/cubecl-llvm for the crate of that name, which changes
    # its Cargo.lock. All other versions stay those of the Cargo.lock that it begins with.
    list(APPEND cargo_features --features cuda-nvrtc)
    set(cargo_locked "")
    set(cargo_package "${PROJECT_BINARY_DIR}/cargo")
    file(MAKE_DIRECTORY "${cargo_package}")
    foreach(part benches build.rs src tests)
        file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${part}" "${cargo_package}/${part}" SYMBOLIC)
    endforeach()
    file(READ Cargo.toml manifest)
    set(patch "[patch.crates-io]\ncubecl-llvm = { path = \"${PROJECT_SOURCE_DIR}/cmake/cubecl-llvm\" }\n")
    file(CONFIGURE OUTPUT "${cargo_package}/Cargo.toml" CONTENT "${manifest}\n${patch}" @ONLY)
    configure_file(Cargo.lock "${cargo_package}/Cargo.lock" COPYONLY)
endif()

# Cargo itself decides what is out of date, so it runs in every build. DESTDIR and MAKEFLAGS of `make install` would reach the
# build of the bundled HDF5.
add_custom_target(davegan_cargo ALL
    COMMAND ${CMAKE_COMMAND} -E env --unset=DESTDIR --unset=MAKEFLAGS "CARGO_TARGET_DIR=${DAVEGAN_CARGO_TARGET_DIR}"
            "${DAVEGAN_CARGO}" build --release ${cargo_locked} --lib --bins ${cargo_features} ${DAVEGAN_CARGO_OPTIONS}
    COMMAND ${CMAKE_COMMAND} -E make_directory "${library_dir}" "${PROJECT_BINARY_DIR}/bin"
    COMMAND ${CMAKE_COMMAND} -E copy_if_different "${DAVEGAN_CARGO_TARGET_DIR}/release/${library_link}"
            "${library_dir}/${library_file}"
    COMMAND ${CMAKE_COMMAND} -E copy_if_different "${DAVEGAN_CARGO_TARGET_DIR}/release/davegan" "${program}"
    COMMAND ${CMAKE_COMMAND} -E create_symlink "${library_file}" "${library_dir}/${library_soname}"
    COMMAND ${CMAKE_COMMAND} -E create_symlink "${library_soname}" "${library_dir}/${library_link}"
    COMMAND ${CMAKE_COMMAND} -E rm -rf "${manual_dir}"
    COMMAND "${program}" manual "${manual_dir}"
    BYPRODUCTS "${library_dir}/${library_file}" "${library_dir}/${library_soname}" "${library_dir}/${library_link}"
               "${program}"
    WORKING_DIRECTORY "${cargo_package}"
    COMMENT "Building the library with cargo: minutes the first time"
    USES_TERMINAL VERBATIM)

add_library(davegan::davegan SHARED IMPORTED GLOBAL)
add_dependencies(davegan::davegan davegan_cargo)
set_target_properties(davegan::davegan PROPERTIES
    IMPORTED_LOCATION "${library_dir}/${library_file}"
    IMPORTED_SONAME "${library_soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
