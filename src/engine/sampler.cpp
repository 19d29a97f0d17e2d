#include "engine/sampler.h"

namespace tiller::engine {

Sampler::Sampler(const Sampling& sampling, std::span<const Token> prompt) : sampling_(&sampling) {
    if (sampling.repetition_penalty != 1)
        for (Token token : prompt) n_generated_[token] = 0;
    if (sampling.temperature <= 0) return;
    auto params = llama_sampler_chain_default_params();
    params.no_perf = true;
    chain_.reset(llama_sampler_chain_init(params));
    // The papers' order in transformers: temperature first, then top-k, then top-p.
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_temp(sampling.temperature));
    if (sampling.top_k > 0) llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_k(sampling.top_k));
    if (sampling.top_p < 1)
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_top_p(sampling.top_p, 1));
    if (sampling.min_p > 0)
        llama_sampler_chain_add(chain_.get(), llama_sampler_init_min_p(sampling.min_p, 1));
    // The engine takes this one value for "no seed" and draws a new one each time.
    const std::uint32_t seed = sampling.seed == LLAMA_DEFAULT_SEED ? LLAMA_DEFAULT_SEED - 1 : sampling.seed;
    llama_sampler_chain_add(chain_.get(), llama_sampler_init_dist(seed));
}

bool Sampler::changes_logits() const {
    return !sampling_->bias.empty() || sampling_->presence_penalty != 0 ||
           sampling_->frequency_penalty != 0 || sampling_->repetition_penalty != 1;
}

std::span<const float> Sampler::adjusted(std::span<const float> logits) {
    adjusted_.assign(logits.begin(), logits.end());
    for (const TokenBias& b : sampling_->bias) adjusted_[static_cast<std::size_t>(b.token)] += b.bias;
    for (const auto& [token, n] : n_generated_) {
        float& logit = adjusted_[static_cast<std::size_t>(token)];
        if (sampling_->repetition_penalty != 1)
            logit = logit > 0 ? logit / sampling_->repetition_penalty : logit * sampling_->repetition_penalty;
        if (n > 0)
            logit -= sampling_->presence_penalty + static_cast<float>(n) * sampling_->frequency_penalty;
    }
    return adjusted_;
}

Token Sampler::draw(std::span<const float> logits, const Peak& best) {
    if (!changes_logits()) return choose(logits, best);
    const auto changed = adjusted(logits);
    Peak peak = find_peak(changed);
    // Biases of -1e38 can drive all logits to minus infinity; the model's own choice is left then.
    const Token token = peak.index < changed.size() ? choose(changed, peak) : choose(logits, best);
    ++n_generated_[token];
    return token;
}

Token Sampler::choose(std::span<const float> logits, const Peak& best) {
    if (!chain_) return static_cast<Token>(best.index);
    // Tokens less likely than the best by a factor of e^40 are left out: all of a vocabulary's together have
    // less than one part in 10^11 of the probability, and sorting and exponentiating them takes most of the
    // time.
    const float least = best.value - 40 * sampling_->temperature;
    candidates_.clear();
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (!(logits[i] < least)) candidates_.push_back({static_cast<Token>(i), logits[i], 0});
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    llama_sampler_apply(chain_.get(), &array);
    return array.data[array.selected].id;
}

}  // namespace tiller::engine
