# tiller/version.h, and a source file that holds the commit: only that one file is compiled again
# after a commit, not everything that includes the header.
set(TILLER_GIT_COMMIT "")
find_package(Git QUIET)
if(GIT_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
    execute_process(
        COMMAND "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" describe --always --abbrev=12 --exclude=* --dirty=+
        OUTPUT_VARIABLE TILLER_GIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(EXISTS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
        set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY
            CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
    endif()
endif()
# Our builds of the engine compute with kernels of their own, which decide the last digits: what was computed with
# others is not taken up again.
set(TILLER_ENGINE_NAME "${TILLER_ENGINE_VERSION}")
if(TILLER_ENGINE_PREFIX AND NOT TILLER_LLAMA_SOURCE)
    string(APPEND TILLER_ENGINE_NAME "+${TILLER_ENGINE_RECIPE}")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/version.h.in" "${PROJECT_BINARY_DIR}/generated/include/tiller/version.h" @ONLY)
configure_file("${CMAKE_CURRENT_LIST_DIR}/version.cpp.in" "${PROJECT_BINARY_DIR}/generated/version.cpp" @ONLY)
set(TILLER_VERSION_SOURCE "${PROJECT_BINARY_DIR}/generated/version.cpp")
