#include <cmath>
#include <map>

#include "scoring/collapse.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

/// How often each run of n words occurs.
std::map<std::vector<std::string>, int> count_ngrams(const std::vector<std::string>& words, std::size_t n) {
    std::map<std::vector<std::string>, int> counts;
    for (std::size_t i = 0; i + n <= words.size(); ++i)
        ++counts[std::vector<std::string>(words.begin() + static_cast<std::ptrdiff_t>(i),
                                          words.begin() + static_cast<std::ptrdiff_t>(i + n))];
    return counts;
}

double entropy_bits(const std::map<std::vector<std::string>, int>& counts) {
    double total = 0;
    for (const auto& [ngram, count] : counts) total += count;
    double bits = 0;
    for (const auto& [ngram, count] : counts) bits -= count / total * std::log2(count / total);
    return bits;
}

/// Number of different n-grams / number of n-grams; 0 for a text that has none.
double distinct(const std::map<std::vector<std::string>, int>& counts) {
    double total = 0;
    for (const auto& [ngram, count] : counts) total += count;
    return counts.empty() ? 0.0 : static_cast<double>(counts.size()) / total;
}

}  // namespace

TextHealth text_health(std::string_view text, bool distinct_by_words) {
    const auto words = words_of(text);
    const auto pairs = count_ngrams(words, 2);
    TextHealth health;
    health.ngram_entropy =
        (2.0 / 3.0 * entropy_bits(pairs) + 4.0 / 3.0 * entropy_bits(count_ngrams(words, 3))) / 2.0;
    health.distinct_1 = distinct(count_ngrams(words, 1));
    health.distinct_2 = distinct(pairs);
    health.collapsed = is_collapsed(text, words, health.distinct_2);
    if (distinct_by_words && !words.empty())
        health.distinct_2 = static_cast<double>(pairs.size()) / static_cast<double>(words.size());
    return health;
}

}  // namespace tiller
