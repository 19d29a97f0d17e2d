// Reading a vector of logits: log-probabilities, ranks, top tokens.
#pragma once

#include <span>
#include <vector>

#include "engine/vocabulary_pass.h"
#include "tiller/row.h"

namespace tiller::engine {

/// log(sum(exp(logits))), where `largest` is the largest logit; the same on every machine (sum_exp()).
double log_sum_exp(std::span<const float> logits, float largest);

/// Tokens that come before `token`: larger logits, or equal logits and a lower id.
int rank_of(std::span<const float> logits, Token token);

/// The n most likely tokens, most likely first, ties: the lower id. `largest` is the largest logit.
std::vector<TokenLogprob> top_tokens(std::span<const float> logits, float largest, int n);

}  // namespace tiller::engine
