// What steering does to a text, token by token: the steered model's own continuation, read once more without
// steering.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller {

struct InspectedToken {
    Token token = 0;
    std::string text;              ///< Bytes; may be a part of a UTF-8 character.
    double logprob_unsteered = 0;  ///< Natural log-probability after the same text, without edits.
    double logprob_steered = 0;    ///< The same with them.
    double kl = 0;  ///< KL(steered || unsteered) of the whole distribution at this position, nats, 0 or more.
};

/// One strength's text.
struct InspectedText {
    float strength = 0;                  ///< Factor on the edits' own strengths.
    std::vector<InspectedToken> tokens;  ///< Greedy, without the token that ended it.
    bool ended = false;                  ///< The model ended it by itself.
    bool broken = false;  ///< The edits drove the model to NaN or infinity; `tokens` has those before that.

    std::string text() const;
    /// Mean of InspectedToken::kl; 0 without tokens.
    double mean_kl() const;
    /// exp of the tokens' mean negative log-probability under the unsteered model: high for a text that it
    /// would not have written. 0 without tokens.
    double perplexity() const;
};

struct InspectOptions {
    /// Factors on the edits' strengths. 0, the unsteered text, is added where it is missing.
    std::vector<float> strengths = {0.25f, 0.5f, 1.0f, 1.5f, 2.0f};
    int n_token = 32;  ///< Longest continuation, at least 1.
};

/// Continues `prompt` greedily at each strength (all in one batch), and compares each token with the
/// unsteered model's distribution after the same text. One text for each strength, ascending. Throws usage
/// (no edits, n_token below 1, a strength that is not finite or given twice), bad_input (the model gives NaN
/// without edits), and what Engine::run() throws.
std::vector<InspectedText> inspect(Engine& engine, std::span<const Token> prompt, std::span<const Edit> edits,
                                   const InspectOptions& options = {});

/// The same tokens, joined where several make one character, with sums of log-probabilities and divergences;
/// bytes that are no UTF-8 become U+FFFD.
std::vector<InspectedToken> whole_characters(std::span<const InspectedToken> tokens);

}  // namespace tiller
