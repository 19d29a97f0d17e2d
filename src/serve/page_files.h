// The page's files, compiled in (cmake/page.cmake).
#pragma once

#include <span>
#include <string_view>

namespace tiller::serve {

struct PageFile {
    std::string_view name;  ///< "index.html"
    const char* type;       ///< Content type.
    std::string_view bytes;
};
std::span<const PageFile> page_files();

}  // namespace tiller::serve
