#include "scoring/collapse.h"

#include <algorithm>
#include <map>
#include <set>

#include "scoring/unicode.h"
#include "scoring/words.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

// Shorter texts are not called repetitive, so that ordinary short answers pass.
constexpr std::size_t min_words = 8;
constexpr std::size_t min_characters = 12;
constexpr std::size_t longest_piece = 10;

template <class Sequence>
std::size_t most_frequent(const Sequence& values) {
    std::map<typename Sequence::value_type, std::size_t> counts;
    std::size_t most = 0;
    for (const auto& value : values) most = std::max(most, ++counts[value]);
    return most;
}

/// Length of the longest stretch that is one piece of at most longest_piece characters, four times or more in
/// a row. This also finds loops in scripts that are written without blanks.
std::size_t longest_loop(const std::u32string& characters) {
    std::size_t longest = 0;
    for (std::size_t period = 1; period <= longest_piece; ++period) {
        std::size_t same = 0;
        for (std::size_t i = period; i < characters.size(); ++i) {  // mutation: same
            same = characters[i] == characters[i - period] ? same + 1 : 0;
            if (same >= 3 * period) longest = std::max(longest, same + period);
        }
    }
    return longest;
}

}  // namespace

bool is_collapsed(std::string_view text, const std::vector<std::string>& words, double distinct_2) {
    std::u32string characters;  // non-blank
    std::size_t letters = 0, digits = 0;
    for (const char32_t character : decode(text)) {
        const CharKind kind = kind_of(character);
        if (kind == CharKind::blank || kind == CharKind::ignored) continue;
        characters.push_back(character);
        letters += kind == CharKind::letter;
        digits += kind == CharKind::digit;
    }
    if (letters + digits == 0) return true;
    if (words.size() >= min_words && (distinct_2 < 0.5 || 2 * most_frequent(words) > words.size()))
        return true;
    const std::size_t n = characters.size();
    if (n < min_characters) return false;
    return 10 * most_frequent(characters) > 6 * n || 3 * letters < n || 2 * longest_loop(characters) > n;
}

bool says_too_little(std::string_view text, std::string_view input) {
    return 4 * plain_words_of(text).size() < plain_words_of(input).size();
}

namespace {

// The text without labels like "Q:" (one letter and a colon) at the beginning of lines. Base models write
// such labels between the repetitions of a loop, which would hide it.
std::string without_labels(std::string_view text) {
    std::string out;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string_view line = text.substr(begin, end - begin);
        const std::size_t letter = line.find_first_not_of(" \t");
        if (letter != line.npos && letter + 1 < line.size() && line[letter + 1] == ':' &&
            ((line[letter] >= 'a' && line[letter] <= 'z') || (line[letter] >= 'A' && line[letter] <= 'Z')))
            line.remove_prefix(letter + 2);
        out.append(line).push_back('\n');
        begin = end + 1;
    }
    return out;
}

}  // namespace

bool repeats_phrases(std::string_view text) {
    constexpr std::size_t run = 3;
    const auto words = plain_words_of(without_labels(text));
    std::vector<bool> repeated(words.size(), false);
    std::set<std::vector<std::string>> known;
    for (std::size_t i = 0; i + run <= words.size(); ++i) {
        const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
        if (known.emplace(begin, begin + run).second) continue;
        for (std::size_t k = i; k < i + run; ++k) repeated[k] = true;
    }
    const auto n = static_cast<std::size_t>(std::count(repeated.begin(), repeated.end(), true));
    return words.empty() || 2 * n > words.size();
}

const char* collapse_rule() noexcept {
    return "A text is collapsed when it has no letter or digit; or has at least 8 words, of whose "
           "neighbouring pairs "
           "fewer than half are different or of which more than half are one word; or has at least 12 "
           "non-blank "
           "characters, of which more than 60 % are one character, or fewer than a third are letters, or "
           "more than "
           "half are one piece of at most 10 characters repeated four times or more in a row.";
}

}  // namespace tiller
