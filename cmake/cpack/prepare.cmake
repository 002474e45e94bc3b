# What is packaged, in CPACK_TEMPORARY_INSTALL_DIRECTORY: symbols that only debuggers need are left out, and the licence texts
# of all crates that are linked come with it, and a bill of materials (CycloneDX).
file(GLOB_RECURSE found LIST_DIRECTORIES false "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*")

find_program(DAVEGAN_STRIP strip)
foreach(binary ${found})
    if(DAVEGAN_STRIP AND binary MATCHES "/bin/davegan$|/libdavegan\\.so\\." AND NOT IS_SYMLINK "${binary}")
        execute_process(COMMAND "${DAVEGAN_STRIP}" --strip-unneeded "${binary}" COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()

find_program(DAVEGAN_PYTHON3 python3)
if(NOT DAVEGAN_PYTHON3)
    message(FATAL_ERROR "packages hold the licence texts of all crates; python3 gathers them, and is not there: install it")
endif()
foreach(notice ${found})
    if(notice MATCHES "/THIRD-PARTY\\.md$")
        execute_process(COMMAND "${DAVEGAN_PYTHON3}" "${CMAKE_CURRENT_LIST_DIR}/../third_party.py" --texts "${notice}"
                        COMMAND_ERROR_IS_FATAL ANY)
        get_filename_component(folder "${notice}" DIRECTORY)
        execute_process(COMMAND "${DAVEGAN_PYTHON3}" "${CMAKE_CURRENT_LIST_DIR}/../sbom.py" "${folder}/davegan.cdx.json"
                        COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()
