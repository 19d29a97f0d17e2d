# The chart libraries of the HTML report. They are fetched by name and version with npm, kept in
# the cache, and compiled into the library, so that a report opens without a network.

# tiller_add_vega(<name> <version> <sha256>): writes <build>/vega/<name>.js, the package's minified
# bundle behind its licence, which must travel with every copy, and so with every report.
function(tiller_add_vega name version sha256)
    set(dir "${CMAKE_BINARY_DIR}/vega")
    set(stamp "${dir}/${name}.version")
    set(bundle "${dir}/${name}.js")
    set(wanted "${version} ${sha256}")
    if(EXISTS "${stamp}" AND EXISTS "${bundle}")
        file(READ "${stamp}" made)
        if(made STREQUAL wanted)
            return()
        endif()
    endif()
    tiller_npm_package(tarball ${name} ${version} ${sha256})
    set(unpacked "${dir}/${name}")
    file(REMOVE_RECURSE "${unpacked}")
    file(ARCHIVE_EXTRACT INPUT "${tarball}" DESTINATION "${unpacked}"
        PATTERNS "package/LICENSE" "package/build/${name}.min.js")
    file(WRITE "${unpacked}/head" "/*!\n${name} ${version}\n\n")
    file(WRITE "${unpacked}/middle" "*/\n")
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E cat "${unpacked}/head" "${unpacked}/package/LICENSE" "${unpacked}/middle"
            "${unpacked}/package/build/${name}.min.js"
        OUTPUT_FILE "${bundle}" COMMAND_ERROR_IS_FATAL ANY)
    file(WRITE "${stamp}" "${wanted}")
    file(REMOVE_RECURSE "${unpacked}")
endfunction()

tiller_cache_lock(npm)
tiller_add_vega(vega 6.4.0 3521fb6ff68a94a40323954f0ba4484ba4014b157bfd37f89a3b063082320c42)
tiller_add_vega(vega-lite 6.5.0 811230a6bfd2cdbfc359d0c38f624a90df86657b7f251b67be88bcc4eee32b7f)
tiller_add_vega(vega-embed 7.3.0 d9a958ced3240f0418df7d5e12e97dba6e63cecda15b8403e47a0db7eb6ea859)
tiller_cache_unlock(npm)

set(TILLER_VEGA_DIR "${CMAKE_BINARY_DIR}/vega")
set(TILLER_ASSETS_SOURCE "${CMAKE_BINARY_DIR}/generated/assets.cpp")
configure_file("${CMAKE_CURRENT_LIST_DIR}/assets.cpp.in" "${TILLER_ASSETS_SOURCE}" @ONLY)
set_source_files_properties("${TILLER_ASSETS_SOURCE}" PROPERTIES OBJECT_DEPENDS
    "${TILLER_VEGA_DIR}/vega.js;${TILLER_VEGA_DIR}/vega-lite.js;${TILLER_VEGA_DIR}/vega-embed.js")
