# Debian's libzip has a CMake package, but it asks for programs that are in other packages. Imports the library as
# libzip::libzip. Also installed beside tiller's own package, for find_package(tiller).
find_path(LIBZIP_INCLUDE_DIR zip.h)
find_library(LIBZIP_LIBRARY zip)
mark_as_advanced(LIBZIP_INCLUDE_DIR LIBZIP_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libzip
    REQUIRED_VARS LIBZIP_LIBRARY LIBZIP_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Debian's package is libzip-dev.")

if(Libzip_FOUND AND NOT TARGET libzip::libzip)
    add_library(libzip::libzip UNKNOWN IMPORTED)
    set_target_properties(libzip::libzip PROPERTIES
        IMPORTED_LOCATION "${LIBZIP_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${LIBZIP_INCLUDE_DIR}")
endif()
