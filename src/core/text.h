// Texts as bytes: their lines and ASCII letters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace tiller {

/// A to Z as a to z, every other byte as it is, whatever the locale.
constexpr char lower_ascii(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Calls visit(line, number) for each line of `bytes`, with numbers from 1. Lines are without their line
/// feed; a carriage return before it is kept. A line feed at the end does not begin another line.
template <class Visit>
void each_line(std::string_view bytes, const Visit& visit) {
    for (std::size_t begin = 0, number = 1; begin < bytes.size(); ++number) {
        const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
        visit(bytes.substr(begin, end - begin), number);
        begin = end + 1;
    }
}

}  // namespace tiller
