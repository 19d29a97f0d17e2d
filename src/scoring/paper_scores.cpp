// The scores of arXiv 2411.07213's code, in their corrected form or with its defects.
#include <algorithm>
#include <optional>

#include "core/util.h"
#include "scoring/unicode.h"
#include "scoring/words.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

enum class Match { none, between, word };  // what a character is to the expression [\w. ]

Match match_of(char32_t c) {
    if (c == U'.' || c == U' ') return Match::between;
    if (c == U'_') return Match::word;
    const CharKind kind = kind_of(c);
    return kind == CharKind::letter || kind == CharKind::digit ? Match::word : Match::none;
}

// The first match of [\w. ]+ in the text, unchanged; none when there is none. `may_be_blank`: also one
// without a letter, digit or underscore.
std::optional<std::string> first_match(std::string_view text, bool may_be_blank) {
    std::string match;
    bool has_word = false;
    const auto found = [&] { return !match.empty() && (has_word || may_be_blank); };
    for (const char32_t c : decode(text)) {
        const Match kind = match_of(c);
        if (kind == Match::none) {
            if (found()) return match;
            match.clear();
            has_word = false;
            continue;
        }
        append_utf8(match, c);
        has_word = has_word || kind == Match::word;
    }
    return found() ? std::optional(match) : std::nullopt;
}

bool is_present(const std::vector<std::string>& text, const std::string& right, bool split_present) {
    if (split_present)  // one word of the text equals the whole answer
        return text.empty() ? right.empty() : std::find(text.begin(), text.end(), right) != text.end();
    const auto words = split_blanks(right);
    return !words.empty() && std::search(text.begin(), text.end(), words.begin(), words.end()) != text.end();
}

}  // namespace

std::string paper_answer(std::string_view generated, bool blank_first_match) {
    return std::string(trim(first_match(generated, blank_first_match).value_or("")));
}

PaperScores score_paper(std::string_view generated, std::span<const std::string> targets, bool keep_case,
                        const PaperScoreDefects& defects) {
    if (targets.empty())
        throw Error(Code::usage, "score_paper: there is no right answer; expected at least one");
    const auto plain = [&](std::string_view text) {
        return normalise_answer(text, keep_case, defects.articles_vanish);
    };
    PaperScores scores;
    const auto match = first_match(generated, defects.blank_first_match);
    const auto found = split_blanks(plain(match.value_or("")));
    const auto all = split_blanks(plain(generated));
    for (const auto& target : targets) {
        if (!match) break;  // without an answer all scores are 0, whatever the target
        const std::string right = plain(target);
        const auto wanted = split_blanks(right);
        const bool both = !found.empty() && !wanted.empty();
        // With the defect "articles_vanish", an answer and a target that are both normalised to "" are equal.
        const bool equal = both ? found.front() == wanted.front()
                                : defects.articles_vanish && found.empty() && wanted.empty();
        scores.first_word = std::max(scores.first_word, equal ? 1.0 : 0.0);
        scores.f1 = std::max(scores.f1, bag_f1(found, wanted));
        scores.present = std::max(scores.present, is_present(all, right, defects.split_present) ? 1.0 : 0.0);
    }
    const TextHealth health = text_health(generated, defects.distinct_by_words);
    scores.ngram_entropy = health.ngram_entropy;
    scores.distinct_1 = health.distinct_1;
    scores.distinct_2 = health.distinct_2;
    return scores;
}

}  // namespace tiller
