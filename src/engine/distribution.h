// Reading a vector of logits: log-probabilities, ranks, top tokens, samples.
#pragma once

#include <span>
#include <vector>

#include "engine/handles.h"
#include "engine/vocabulary_pass.h"
#include "tiller/engine.h"

namespace tiller::engine {

/// log(sum(exp(logits))), whose largest is known; the same on every machine (sum_exp()).
double log_sum_exp(std::span<const float> logits, float largest);

/// Tokens that come before `token`: larger logits, or equal logits and a lower id.
int rank_of(std::span<const float> logits, Token token);

/// The n most likely tokens of logits whose largest is known, most likely first, ties: the lower id.
std::vector<TokenLogprob> top_tokens(std::span<const float> logits, float largest, int n);

/// Draws tokens of one row. Greedy when the temperature is 0.
class Sampler {
public:
    explicit Sampler(const Sampling& sampling);
    /// `best` is find_peak() of the logits.
    Token draw(std::span<const float> logits, const Peak& best);

private:
    float temperature_ = 0;
    SamplerHandle chain_;
    std::vector<llama_token_data> candidates_;
};

}  // namespace tiller::engine
