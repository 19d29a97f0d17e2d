#include "core/util.h"
#include "tasks/text.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

bool is_word_byte(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           byte >= 0x80;
}

/// Where the next "Q:" begins, unless it is part of a word like "FAQ:"; npos when there is none.
std::size_t find_question(std::string_view text) noexcept {
    for (std::size_t at = text.find("Q:"); at != std::string_view::npos; at = text.find("Q:", at + 2))
        if (at == 0 || !is_word_byte(text[at - 1])) return at;
    return std::string_view::npos;
}

}  // namespace

std::string parse_answer(std::string_view generated) {
    // Leading blanks and line breaks are skipped, as the papers' regular expression skips what it cannot
    // match.
    std::string_view text = trim(generated);
    text = text.substr(0, text.find_first_of("\r\n"));
    text = text.substr(0, find_question(text));
    return valid_utf8(trim(text));
}

}  // namespace tiller
