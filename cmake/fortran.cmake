# davegan::fortran, the Fortran module in this build tree.

enable_language(Fortran)
add_library(davegan_fortran STATIC include/davegan.f90)
add_library(davegan::fortran ALIAS davegan_fortran)
target_link_libraries(davegan_fortran PUBLIC davegan::davegan)
set_target_properties(davegan_fortran PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    Fortran_MODULE_DIRECTORY "${PROJECT_BINARY_DIR}/fortran")
target_include_directories(davegan_fortran PUBLIC "${PROJECT_BINARY_DIR}/fortran")
