# Several sources compiled as one. A source alone costs a second or two before its first line: the precompiled headers
# are loaded, and the inline functions and templates of CLI11 and nlohmann::json are compiled again. Not for the core,
# whose sources are small and often changed. Unless asked for (./run lint does), not without precompiled headers, where
# each source shows that it includes what it uses, and not for the fuzz targets.
if(CMAKE_DISABLE_PRECOMPILE_HEADERS OR TILLER_FUZZ)
    set(unity OFF)
else()
    set(unity ON)
endif()
option(TILLER_UNITY "Compile several sources of studies, server and program as one, in less than half the time" ${unity})
option(TILLER_UNITY_CORE "Join the sources of the core as well: sooner read by clang-tidy, later built after a change" OFF)

# tiller_unity(<target> <source>...): joins the sources of each folder, eight at a time (about ten seconds), so that a
# new file changes what is joined in its own folder alone. What two sources of a folder define for themselves (in
# anonymous namespaces) needs different names.
function(tiller_unity target)
    if(NOT TILLER_UNITY)
        return()
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    foreach(source IN LISTS ARGN)
        cmake_path(GET source PARENT_PATH folder)
        cmake_path(GET folder FILENAME name)
        if(NOT DEFINED count_${name})
            set(count_${name} 0)
        endif()
        math(EXPR number "${count_${name}} / 8")
        math(EXPR count_${name} "${count_${name}} + 1")
        set_source_files_properties("${source}" PROPERTIES UNITY_GROUP ${name}_${number})
    endforeach()
endfunction()
