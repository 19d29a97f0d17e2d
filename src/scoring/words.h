// Words of texts, for scores that compare texts word by word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tiller {

/// words_of() without the punctuation marks.
std::vector<std::string> plain_words_of(std::string_view text);

/// "a", "an" or "the".
inline bool is_article(std::string_view word) noexcept {
    return word == "a" || word == "an" || word == "the";
}

/// Words of a normalised text: it is split at white space.
std::vector<std::string> split_blanks(const std::string& text);

/// Bag-of-words F1 of two lists of words, in [0, 1]; 0 when they share none.
double bag_f1(const std::vector<std::string>& found, const std::vector<std::string>& right);

}  // namespace tiller
