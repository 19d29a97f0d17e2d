# The files of src/serve/page, compiled into the library: the server opens no file for a client.
set(TILLER_PAGE_SOURCE "${CMAKE_BINARY_DIR}/generated/page_files.cpp")
file(GLOB page_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/serve/page/*")
add_custom_command(OUTPUT "${TILLER_PAGE_SOURCE}"
    COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${PROJECT_SOURCE_DIR}/src/serve/page" "-DOUT=${TILLER_PAGE_SOURCE}"
        -P "${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake"
    DEPENDS ${page_files} "${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake"
    VERBATIM)
