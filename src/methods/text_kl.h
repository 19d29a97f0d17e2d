// How far two ways of steering are from each other: over the texts that one of them writes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tiller/engine.h"

namespace tiller {

/// A prompt with what a steered model wrote behind it.
struct SteeredText {
    std::vector<Token> prompt, continuation;
};

/// Greedy continuations of up to n_token tokens with the edits. Throws bad_input when the edits drive the
/// model to infinity or NaN.
std::vector<SteeredText> steered_texts(Engine& engine, std::span<const std::vector<Token>> prompts,
                                       std::span<const Edit> edits, int n_token);

/// The edits with positions that mean the same tokens when the prompt, of n_prompt tokens, is read together
/// with what follows it.
std::vector<Edit> fixed_to(std::span<const Edit> edits, std::size_t n_prompt);

/// A row for each of the first n_place places of a text, after its prompt and after each token of the
/// continuation, that asks for the logits there; the edits mean the same tokens in all of them. n_place is at
/// most one more than the continuation's length.
std::vector<Row> rows_of_places(const SteeredText& text, std::span<const Edit> edits, std::size_t n_place);

struct TextKl {
    std::vector<double> sums;  ///< Of KL(original || candidate) over the places, nats; one per candidate.
    std::size_t n_place = 0;
};
/// Compares the next-token distributions of a text, after its prompt and after each token of the continuation
/// but the last. A candidate that drives the model to infinity or NaN has an infinite sum.
TextKl text_kl(Engine& engine, const SteeredText& text, std::span<const Edit> original,
               std::span<const std::vector<Edit>> candidates);

}  // namespace tiller
