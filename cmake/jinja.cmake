# llama.cpp's Jinja interpreter (common/jinja), which renders chat templates. libllama has only
# llama_chat_apply_template, which knows some templates by words in them and takes others for these.
#
# Its source is unpacked once into <cache>/jinja/<key> from where the engine's comes, at the same commit, and is
# compiled into tiller itself: with tiller's sanitizers, under names of its own, and with nothing more to install.
# An installed llama package brings no such source, so the pinned one is taken then, too.

set(TILLER_JINJA_RECIPE 1)  # Raise when this file changes what is unpacked.

# Copies what is needed from a llama.cpp folder and applies our patch, without which templates have no bounds.
function(tiller_fill_jinja dir source)
    if(NOT EXISTS "${source}/common/jinja/runtime.cpp")
        message(FATAL_ERROR "${source} has no common/jinja; expected llama.cpp at or near commit ${TILLER_ENGINE_COMMIT}")
    endif()
    file(MAKE_DIRECTORY "${dir}/common")
    file(COPY "${source}/common/jinja" "${source}/common/unicode.cpp" "${source}/common/unicode.h"
        DESTINATION "${dir}/common")
    file(COPY "${source}/LICENSE" DESTINATION "${dir}")
    file(COPY "${source}/models/templates" DESTINATION "${dir}" FILES_MATCHING PATTERN "*.jinja")
    find_package(Git REQUIRED)
    # Without the ceiling, git would take a checkout around the cache for the one to patch, and skip all files.
    cmake_path(GET dir PARENT_PATH ceiling)
    execute_process(COMMAND "${CMAKE_COMMAND}" -E env "GIT_CEILING_DIRECTORIES=${ceiling}"
        "${GIT_EXECUTABLE}" apply --whitespace=nowarn "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/jinja/bounds.patch"
        WORKING_DIRECTORY "${dir}" RESULT_VARIABLE failed ERROR_VARIABLE log)
    if(failed)
        file(REMOVE_RECURSE "${dir}")
        tiller_cache_unlock(jinja)
        message(FATAL_ERROR "cmake/jinja/bounds.patch does not fit ${source}: ${log}")
    endif()
endfunction()

# Fills <prefix> by way of a temporary folder: what has the final name is whole.
function(tiller_unpack_jinja prefix)
    cmake_path(GET prefix PARENT_PATH root)
    tiller_temporary_folder(tmp "${root}" unpack)
    if(TILLER_LLAMA_SOURCE)
        set(source "${TILLER_LLAMA_SOURCE}")
    else()
        set(source "${tmp}/source")
        tiller_clone_engine("${source}" "${tmp}")
    endif()
    tiller_fill_jinja("${tmp}/jinja" "${source}")
    file(RENAME "${tmp}/jinja" "${prefix}")
    file(REMOVE_RECURSE "${tmp}")
endfunction()

# --- The resolution itself -----------------------------------------------------------------------

if(TILLER_LLAMA_SOURCE)
    tiller_source_state(_source "${TILLER_LLAMA_SOURCE}")
else()
    set(_source "${TILLER_ENGINE_COMMIT}")
endif()
file(SHA256 "${CMAKE_CURRENT_LIST_DIR}/jinja/bounds.patch" _patch)
string(SHA256 _key "${TILLER_JINJA_RECIPE}|${_source}|${_patch}")
string(SUBSTRING "${_key}" 0 16 _key)
tiller_cache_dir(_cache)
set(TILLER_JINJA_SOURCE "${_cache}/jinja/${TILLER_ENGINE_VERSION}-${_key}")
if(NOT EXISTS "${TILLER_JINJA_SOURCE}")
    tiller_cache_lock(jinja)
    if(NOT EXISTS "${TILLER_JINJA_SOURCE}")  # Another build may have made it while we waited.
        tiller_unpack_jinja("${TILLER_JINJA_SOURCE}")
    endif()
    tiller_cache_unlock(jinja)
endif()
message(STATUS "Chat templates: common/jinja in ${TILLER_JINJA_SOURCE}")

# Names of our own: a program that links llama.cpp's common library as well has the unpatched interpreter too.
set(TILLER_JINJA_DEFINITIONS JINJA_NO_JSON jinja=tiller_jinja g_jinja_debug=tiller_jinja_debug
    utf8_parse_result=tiller_jinja_utf8_parse_result
    common_utf8_sequence_length=tiller_jinja_utf8_sequence_length
    common_utf8_is_complete=tiller_jinja_utf8_is_complete
    common_parse_utf8_codepoint=tiller_jinja_parse_utf8_codepoint
    common_unicode_cpts_to_utf8=tiller_jinja_unicode_cpts_to_utf8
    common_unicode_cpt_to_utf8=tiller_jinja_unicode_cpt_to_utf8)
add_library(tiller_jinja OBJECT)
foreach(_file jinja/lexer jinja/parser jinja/runtime jinja/string jinja/value unicode)
    target_sources(tiller_jinja PRIVATE "${TILLER_JINJA_SOURCE}/common/${_file}.cpp")
endforeach()
target_include_directories(tiller_jinja SYSTEM PRIVATE "${TILLER_JINJA_SOURCE}/common")
target_compile_definitions(tiller_jinja PRIVATE ${TILLER_JINJA_DEFINITIONS})
set_target_properties(tiller_jinja PROPERTIES POSITION_INDEPENDENT_CODE ON)
