// Trimming of texts.
#pragma once

#include <string_view>

namespace tiller {

/// `text` without bytes of `set` at both ends; a view into `text`. The default set is ASCII white space.
inline std::string_view trim(std::string_view text, std::string_view set = " \t\r\n\v\f") {
    const auto begin = text.find_first_not_of(set);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(set) - begin + 1);
}

}  // namespace tiller
