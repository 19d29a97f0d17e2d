#include "engine/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tiller::engine {

double log_sum_exp(std::span<const float> logits, float largest) {
    return static_cast<double>(largest) + std::log(sum_exp(logits, largest));
}

int rank_of(std::span<const float> logits, Token token) {
    return static_cast<int>(count_before(logits, static_cast<std::size_t>(token)));
}

std::vector<TokenLogprob> top_tokens(std::span<const float> logits, float largest, int n) {
    const auto k = std::min(static_cast<std::size_t>(std::max(n, 0)), logits.size());
    if (k == 0) return {};
    const auto before = [&](Token a, Token b) {
        const float la = logits[static_cast<std::size_t>(a)], lb = logits[static_cast<std::size_t>(b)];
        return la != lb ? la > lb : a < b;
    };
    // A heap whose front is the last of the best k: one pass, as k is small and the vocabulary is not.
    std::vector<Token> best(k);
    std::iota(best.begin(), best.end(), 0);
    std::make_heap(best.begin(), best.end(), before);
    for (auto i = static_cast<Token>(k); static_cast<std::size_t>(i) < logits.size(); ++i) {
        if (!before(i, best.front())) continue;
        std::pop_heap(best.begin(), best.end(), before);
        best.back() = i;
        std::push_heap(best.begin(), best.end(), before);
    }
    std::sort_heap(best.begin(), best.end(), before);
    const double lse = log_sum_exp(logits, largest);
    std::vector<TokenLogprob> top;
    for (Token token : best)
        top.push_back(
            {token, static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(token)]) - lse)});
    return top;
}

}  // namespace tiller::engine
