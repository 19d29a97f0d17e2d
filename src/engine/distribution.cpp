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
    std::vector<Token> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto k = std::min(static_cast<std::size_t>(std::max(n, 0)), ids.size());
    const auto before = [&](Token a, Token b) {
        const float la = logits[static_cast<std::size_t>(a)], lb = logits[static_cast<std::size_t>(b)];
        return la != lb ? la > lb : a < b;
    };
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(k), ids.end(), before);
    const double lse = log_sum_exp(logits, largest);
    std::vector<TokenLogprob> top;
    for (std::size_t i = 0; i < k; ++i)
        top.push_back({ids[i], static_cast<float>(
                                   static_cast<double>(logits[static_cast<std::size_t>(ids[i])]) - lse)});
    return top;
}

Sampler::Sampler(const Sampling& sampling) : temperature_(sampling.temperature) {
    if (sampling.temperature <= 0) return;
    auto params = llama_sampler_chain_default_params();
    params.no_perf = true;
    chain_.reset(llama_sampler_chain_init(params));
    // The papers' order in transformers: temperature first, then top-k, then top-p.
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_temp(sampling.temperature));
    if (sampling.top_k > 0) llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_k(sampling.top_k));
    if (sampling.top_p < 1)
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_p(sampling.top_p, 1));
    // The engine takes this one value for "no seed" and draws a new one each time.
    const std::uint32_t seed = sampling.seed == LLAMA_DEFAULT_SEED ? LLAMA_DEFAULT_SEED - 1 : sampling.seed;
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_dist(seed));
}

Token Sampler::draw(std::span<const float> logits, const Peak& best) {
    if (!chain_) return static_cast<Token>(best.index);
    // Tokens less likely than the best by a factor of e^40 are left out: all of a vocabulary's together have
    // less than one part in 10^11 of the probability, and sorting and exponentiating them takes most of the
    // time.
    const float least = best.value - 40 * temperature_;
    candidates_.clear();
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (!(logits[i] < least)) candidates_.push_back({static_cast<Token>(i), logits[i], 0});
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(chain_.get(), &array);
    return array.data[array.selected].id;
}

}  // namespace tiller::engine
