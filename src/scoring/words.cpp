#include "scoring/words.h"

#include "scoring/unicode.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

/// Splits a text; marks become words of their own, or are only borders.
std::vector<std::string> split(std::string_view text, bool keep_marks) {
    std::vector<std::string> words;
    bool open = false;  // does the last word take more characters?
    for (const char32_t character : decode(text)) {
        const CharKind kind = kind_of(character);
        if (kind == CharKind::ignored) continue;
        if (kind == CharKind::blank || kind == CharKind::mark) {
            open = false;
            if (kind == CharKind::blank || !keep_marks) continue;
            words.emplace_back();
        } else if (!open) {
            words.emplace_back();
            open = true;
        }
        append_utf8(words.back(), character);
    }
    return words;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) { return split(text, true); }

std::vector<std::string> plain_words_of(std::string_view text) { return split(text, false); }

}  // namespace tiller
