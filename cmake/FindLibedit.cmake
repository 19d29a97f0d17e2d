# Debian's libedit has a pkg-config file but no CMake package. Imports it as libedit::libedit: line editing of
# `tiller chat`.
find_path(LIBEDIT_INCLUDE_DIR histedit.h)
find_library(LIBEDIT_LIBRARY edit)
mark_as_advanced(LIBEDIT_INCLUDE_DIR LIBEDIT_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libedit
    REQUIRED_VARS LIBEDIT_LIBRARY LIBEDIT_INCLUDE_DIR
    REASON_FAILURE_MESSAGE "Debian's package is libedit-dev.")

if(Libedit_FOUND AND NOT TARGET libedit::libedit)
    add_library(libedit::libedit UNKNOWN IMPORTED)
    set_target_properties(libedit::libedit PROPERTIES
        IMPORTED_LOCATION "${LIBEDIT_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${LIBEDIT_INCLUDE_DIR}")
endif()
