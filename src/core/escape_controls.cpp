#include "core/escape_controls.h"

#include <fmt/format.h>

#include "core/util.h"

namespace tiller {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

struct Found {
    unsigned code_point = 0;
    std::size_t n_byte = 0;  ///< 0: nothing to escape at this place.
};

// The character at byte i, when it has to be escaped; such characters take one to three bytes of UTF-8.
Found control_at(std::string_view text, std::size_t i, bool one_line) {
    const unsigned a = byte_at(text, i), b = byte_at(text, i + 1), c = byte_at(text, i + 2);
    if (!one_line && (a == '\n' || a == '\t')) return {};
    if (a < 0x20 || a == 0x7f) return {a, 1};
    if (a == 0xc2 && b >= 0x80 && b < 0xa0) return {b, 2};
    if (a == 0xd8 && b == 0x9c) return {0x61c, 2};
    if (a != 0xe2) return {};
    const unsigned code_point = 0x2000 + ((b & 0x3f) << 6) + (c & 0x3f);
    const bool reorders = code_point == 0x200e || code_point == 0x200f ||
                          (code_point >= 0x202a && code_point <= 0x202e) ||
                          (code_point >= 0x2066 && code_point <= 0x2069);
    return reorders ? Found{code_point, 3} : Found{};
}

std::string escaped(std::string_view text, bool one_line) {
    const std::string valid = valid_utf8(text);
    std::string out;
    out.reserve(valid.size());
    for (std::size_t i = 0; i < valid.size();) {
        const Found found = control_at(valid, i, one_line);
        if (found.n_byte == 0) {
            out += valid[i++];
            continue;
        }
        out += fmt::format("\\u{:04x}", found.code_point);
        i += found.n_byte;
    }
    return out;
}

}  // namespace

std::string escape_controls(std::string_view text) { return escaped(text, false); }
std::string escape_line(std::string_view text) { return escaped(text, true); }

}  // namespace tiller
