# cmake -DPROGRAM=file -P check_needed.cmake: fails when the program, or a library it loads, needs fastText.
if(NOT EXISTS "${PROGRAM}")
    message(FATAL_ERROR "There is no program '${PROGRAM}'.")
endif()
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${PROGRAM}"
    RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing)
if(NOT "${found}" MATCHES "libstdc|libc\\+\\+|libc\\.")
    message(FATAL_ERROR "${PROGRAM} seems to need not even the C library (found: ${found}): nothing was looked at.")
endif()
foreach(library IN LISTS found missing)
    if(library MATCHES "fasttext|utf8proc")
        message(FATAL_ERROR "${PROGRAM} needs ${library}, which only tiller::study may.")
    endif()
endforeach()
