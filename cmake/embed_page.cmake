# cmake -DFOLDER=... -DOUT=... -P embed_page.cmake: writes the folder's files as C++ arrays.
file(GLOB files RELATIVE "${FOLDER}" "${FOLDER}/*")
list(SORT files)
set(arrays "")
set(table "")
set(i 0)
foreach(name IN LISTS files)
    if(name MATCHES "\\.html$")
        set(type "text/html; charset=utf-8")
    elseif(name MATCHES "\\.css$")
        set(type "text/css; charset=utf-8")
    elseif(name MATCHES "\\.js$")
        set(type "text/javascript; charset=utf-8")
    elseif(name MATCHES "\\.svg$")
        set(type "image/svg+xml")
    else()
        message(FATAL_ERROR "src/serve/page/${name}: no content type is known for it (html, css, js, svg)")
    endif()
    file(READ "${FOLDER}/${name}" hex HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
    string(APPEND arrays "constexpr char file_${i}[] = {${bytes}'\\0'};\n")
    string(APPEND table "        {\"${name}\", \"${type}\", {file_${i}, sizeof file_${i} - 1}},\n")
    math(EXPR i "${i} + 1")
endforeach()
file(WRITE "${OUT}" "// Made by cmake/embed_page.cmake.
#include \"serve/page_files.h\"

namespace tiller::serve {
namespace {

${arrays}
}  // namespace

std::span<const PageFile> page_files() {
    static constexpr PageFile files[] = {
${table}    };
    return files;
}

}  // namespace tiller::serve
")
