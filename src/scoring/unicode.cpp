#include "scoring/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "core/util.h"

namespace tiller {
namespace {

constexpr char32_t zero_width_space = 0x200B;

utf8proc_category_t category(char32_t character) noexcept {
    return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

}  // namespace

CharKind kind_of(char32_t character) noexcept {
    if (character == zero_width_space)
        return CharKind::blank;  // separates words, though its category is "format"
    switch (category(character)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME: return CharKind::letter;
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO: return CharKind::digit;
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
        case UTF8PROC_CATEGORY_CC: return CharKind::blank;
        case UTF8PROC_CATEGORY_CF: return CharKind::ignored;
        default: return CharKind::mark;
    }
}

bool is_punctuation(char32_t character) noexcept {
    if (character < 0x80) return kind_of(character) == CharKind::mark;  // mutation: same
    switch (category(character)) {
        case UTF8PROC_CATEGORY_PC:
        case UTF8PROC_CATEGORY_PD:
        case UTF8PROC_CATEGORY_PS:
        case UTF8PROC_CATEGORY_PE:
        case UTF8PROC_CATEGORY_PI:
        case UTF8PROC_CATEGORY_PF:
        case UTF8PROC_CATEGORY_PO: return true;
        default: return false;
    }
}

std::u32string decode(std::string_view text) {
    const std::string valid = valid_utf8(text);
    std::u32string out;
    out.reserve(valid.size());
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(valid.data());
    auto left = static_cast<utf8proc_ssize_t>(valid.size());
    while (left > 0) {  // mutation: same
        utf8proc_int32_t character = 0;
        const auto taken = utf8proc_iterate(at, left, &character);
        if (taken <= 0) break;  // cannot happen in valid UTF-8; mutation: same
        out.push_back(static_cast<char32_t>(character));
        at += taken;
        left -= taken;
    }
    return out;
}

void append_utf8(std::string& out, char32_t character) {
    utf8proc_uint8_t bytes[4];
    const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

std::string fold(std::string_view text, bool keep_case) {
    const std::string valid = valid_utf8(text);
    int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    if (!keep_case) options |= UTF8PROC_CASEFOLD;
    utf8proc_uint8_t* mapped = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                                   static_cast<utf8proc_ssize_t>(valid.size()), &mapped,
                                   static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    if (size < 0) throw std::bad_alloc();  // the input is valid, so only memory can have failed
    return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

}  // namespace tiller
