# The warnings that the programs of this repository are held to.

# gfortran takes the descriptors of arrays that are allocated by assignment for uninitialised.
function(davegan_warnings target)
    target_compile_options(${target} PRIVATE
        "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wshadow>"
        "$<$<AND:$<BOOL:${DAVEGAN_BUILD_TESTS}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>"
        "$<$<COMPILE_LANGUAGE:Fortran>:-Wall;-Wextra;-Wno-maybe-uninitialized;-fimplicit-none>")
endfunction()
