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
    double kl = 0;  ///< KL(steered || unsteered) of the whole distribution at its place, nats, 0 or more.
};

/// One strength's text.
struct InspectedText {
    float strength = 0;                  ///< Times the edits' own strengths.
    std::vector<InspectedToken> tokens;  ///< Greedy, without the token that ended it.
    bool ended = false;                  ///< The model ended it by itself.
    bool broken = false;  ///< The edits drove the model to NaN or infinity; the tokens before it are there.

    std::string text() const;
    /// Means over the tokens; 0 without tokens.
    double mean_kl() const;
    /// exp of the mean surprise of a token to the unsteered model: how much of the text it would not have
    /// written.
    double perplexity() const;
};

struct InspectOptions {
    /// Factors of the edits' strengths. 0, the unsteered text, is put in front where it is not among them.
    std::vector<float> strengths = {0.25f, 0.5f, 1.0f, 1.5f, 2.0f};
    int n_token = 32;  ///< Longest continuation, at least 1.
};

/// Continues `prompt` at each strength (all in one batch) and compares, in ascending order of strengths.
/// Throws usage (no edits, no token, a strength that is not finite or stands twice), bad_input (the model
/// gives NaN without edits), and what Engine::run() throws.
std::vector<InspectedText> inspect(Engine& engine, std::span<const Token> prompt, std::span<const Edit> edits,
                                   const InspectOptions& options = {});

/// The same tokens, joined where several make one character, with sums of log-probabilities and divergences;
/// bytes that are no UTF-8 become U+FFFD.
std::vector<InspectedToken> whole_characters(std::span<const InspectedToken> tokens);

}  // namespace tiller
