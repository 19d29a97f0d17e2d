// Words without punctuation, for scores that compare texts word by word.
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

}  // namespace tiller
