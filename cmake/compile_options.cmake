# Warnings and sanitizers for tiller's own targets; the engine and the system's headers keep theirs.

function(tiller_compile_options target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow
        # GCC 12 reports overlaps and overflows in std::string and std::vector that cannot happen (its bug 105651), with
        # precompiled headers more of them: it forgets then that they are the system's.
        $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread>)
    if(TILLER_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# For code that waits for the engine or the disk: compiled sooner, and no slower in use. In a wheel it is compiled for size.
function(tiller_compile_quickly target level)
    if(SKBUILD)
        set(level -Os)
    endif()
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:${level}>")
endfunction()

# A wheel holds the libraries twice, in the program and in the module; what neither calls is left out.
if(SKBUILD)
    add_compile_options(-ffunction-sections -fdata-sections)
    add_link_options("LINKER:--gc-sections")
endif()

# For everything below this folder: a sanitizer has to see the library and the programs alike.
if(TILLER_SANITIZE)
    add_compile_options(-fsanitize=${TILLER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${TILLER_SANITIZE})
endif()
if(TILLER_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "The fuzz targets need clang (libFuzzer): configure with the 'fuzz' preset.")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
