#include <algorithm>

#include "scoring/unicode.h"
#include "scoring/words.h"
#include "tiller/error.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

std::vector<std::string> without_articles(std::vector<std::string> words) {
    std::erase_if(words, [](const std::string& word) { return is_article(word); });
    return words;
}

/// Do the answer's words occur in the text one after another? Articles are ignored on both sides, unless the
/// answer has no other word.
bool contains_words(std::string_view text, std::string_view answer, bool keep_case) {
    const std::string folded_text = fold(text, keep_case);
    const std::string folded_answer = fold(answer, keep_case);
    auto haystack = plain_words_of(folded_text);
    auto needle = plain_words_of(folded_answer);
    if (needle.empty()) {  // an answer of punctuation or symbols only
        const auto symbol = normalise_answer(folded_answer, true);
        return !symbol.empty() && folded_text.find(symbol) != std::string::npos;
    }
    if (auto bare = without_articles(needle); !bare.empty()) {
        needle = std::move(bare);
        haystack = without_articles(std::move(haystack));
    }
    return std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end()) != haystack.end();
}

}  // namespace

AnswerScores score_answer(std::string_view generated, std::span<const std::string> targets, bool keep_case) {
    if (targets.empty())
        throw Error(Code::usage, "score_answer: there is no right answer; expected at least one");
    const std::string answer = normalise_answer(parse_answer(generated), keep_case);
    const auto found = split_blanks(answer);

    AnswerScores best;
    for (const auto& target : targets) {
        const std::string right = normalise_answer(target, keep_case);
        const auto wanted = split_blanks(right);
        const bool both = !found.empty() && !wanted.empty();
        best.first_word = std::max(best.first_word, both && found.front() == wanted.front() ? 1.0 : 0.0);
        best.exact = std::max(best.exact, both && answer == right ? 1.0 : 0.0);
        best.f1 = std::max(best.f1, bag_f1(found, wanted));
        best.contains = std::max(best.contains, contains_words(generated, target, keep_case) ? 1.0 : 0.0);
    }
    return best;
}

}  // namespace tiller
