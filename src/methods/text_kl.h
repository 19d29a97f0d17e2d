// KL divergence between two ways of steering a model, over texts that one of them generates.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tiller/engine.h"

namespace tiller {

/// A prompt and the continuation that a steered model generated.
struct SteeredText {
    std::vector<Token> prompt, continuation;
};

/// Greedy continuations of up to n_token tokens with the edits, in the order of the prompts. Throws bad_input
/// when the edits drive the model to infinity or NaN.
std::vector<SteeredText> steered_texts(Engine& engine, std::span<const std::vector<Token>> prompts,
                                       std::span<const Edit> edits, int n_token);

/// The edits with positions relative to the end of the prompt turned into ranges. So they still act on the
/// same tokens when the prompt, of n_prompt tokens, and its continuation are read as one longer prompt.
std::vector<Edit> fixed_to(std::span<const Edit> edits, std::size_t n_prompt);

/// n_place rows that ask for the logits at successive places of a text: after the prompt, after the first
/// token of the continuation, and so on. The edits act on the same tokens in all of them (fixed_to()).
/// n_place is at most the continuation's length plus 1.
std::vector<Row> rows_of_places(const SteeredText& text, std::span<const Edit> edits, std::size_t n_place);

struct TextKl {
    std::vector<double> sums;  ///< Sum of KL(original || candidate) over the places, nats; one per candidate.
    std::size_t n_place = 0;   ///< Places compared.
};
/// Compares the next-token distributions under `original` with those under each of `candidates` on one text:
/// after its prompt, and after each token of the continuation except the last. A candidate that drives the
/// model to infinity or NaN has an infinite sum; throws bad_input when `original` does.
TextKl text_kl(Engine& engine, const SteeredText& text, std::span<const Edit> original,
               std::span<const std::vector<Edit>> candidates);

}  // namespace tiller
