#include <algorithm>
#include <utility>

#include "scoring/metrics.h"
#include "scoring/unicode.h"
#include "scoring/words.h"
#include "tiller/error.h"
#include "tiller/scoring.h"

namespace tiller {

double rouge_l(std::string_view candidate, std::string_view reference) {
    const auto a = plain_words_of(fold(candidate, false));
    const auto b = plain_words_of(fold(reference, false));
    if (a.empty() || b.empty()) return 0;
    std::vector<std::size_t> row(b.size() + 1,
                                 0);  // row[j]: longest common subsequence with the first j words
    for (const auto& word : a) {
        std::size_t diagonal = 0;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
            diagonal = above;
        }
    }
    return 2.0 * static_cast<double>(row.back()) / static_cast<double>(a.size() + b.size());
}

double rouge_l(std::string_view candidate, std::span<const std::string> references) {
    if (references.empty())
        throw Error(Code::usage, "rouge_l: no references were given, expected at least one");
    double best = 0;
    for (const std::string& reference : references) best = std::max(best, rouge_l(candidate, reference));
    return best;
}

const Metric& metric_rouge_l() {
    static const Metric metric = {
        .name = "rouge_l",
        .label = "ROUGE-L",
        .explanation =
            "Overlap with the reference: F1 of the longest common subsequence of words. A copy of the "
            "input can score high.",
        .of_text = [](const ScoredOutput& o) { return rouge_l(o.answer(), o.context().targets); },
        .place = 100,
        .as_score = "ROUGE-L against the reference",
        // In a run that a version without this score began, only some items have it; their mean would
        // mislead.
        .all_or_none = true};
    return metric;
}

}  // namespace tiller
