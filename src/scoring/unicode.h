// Characters as the scores see them, by utf8proc.
#pragma once

#include <string>
#include <string_view>

namespace tiller {

enum class CharKind {
    blank,    ///< White space and control characters: ends a word.
    letter,   ///< Letters and the marks that combine with them: part of a word.
    digit,    ///< Digits and other numbers: part of a word.
    mark,     ///< Punctuation, symbols, anything else: a word of its own.
    ignored,  ///< Invisible format characters (a soft hyphen, say): as if it were not there.
};
CharKind kind_of(char32_t character) noexcept;

/// ASCII punctuation and symbols (Python's string.punctuation) and Unicode's punctuation categories.
bool is_punctuation(char32_t character) noexcept;

/// Characters of a text; each byte that is not UTF-8 gives U+FFFD.
std::u32string decode(std::string_view text);

/// Appends the character as UTF-8.
void append_utf8(std::string& out, char32_t character);

/// Composed (NFC) and, unless keep_case, case-folded: texts that a reader takes for the same become equal.
/// Case folding is lower case for nearly all letters (and turns a German sharp s into "ss").
std::string fold(std::string_view text, bool keep_case);

}  // namespace tiller
