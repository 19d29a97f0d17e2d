# fastText installs no CMake package. Imports its library as fasttext::fasttext.
# Also installed beside tiller's own package, for find_package(tiller).
find_path(FASTTEXT_INCLUDE_DIR fasttext/fasttext.h)
find_library(FASTTEXT_LIBRARY fasttext)
mark_as_advanced(FASTTEXT_INCLUDE_DIR FASTTEXT_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(FastText
    REQUIRED_VARS FASTTEXT_LIBRARY FASTTEXT_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Debian's package is libfasttext-dev.")

if(FastText_FOUND AND NOT TARGET fasttext::fasttext)
    add_library(fasttext::fasttext UNKNOWN IMPORTED)
    set_target_properties(fasttext::fasttext PROPERTIES
        IMPORTED_LOCATION "${FASTTEXT_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${FASTTEXT_INCLUDE_DIR}")
endif()
