# Without these tools CPack makes a Debian package without dependencies, and reports success.
if(CPACK_GENERATOR STREQUAL "DEB")
    foreach(tool dpkg-shlibdeps dpkg-deb file)
        string(TOUPPER "${tool}" name)
        string(REPLACE "-" "_" name "DAVEGAN_${name}")
        find_program(${name} ${tool})
        if(NOT ${name})
            message(FATAL_ERROR "a Debian package needs ${tool}, which is not there: install dpkg-dev and file, or make "
                                "the archive alone with cpack -G TGZ")
        endif()
    endforeach()
endif()
