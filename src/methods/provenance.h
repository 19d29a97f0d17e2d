// Filling in where a vector came from.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tiller/vector.h"

namespace tiller {

/// The model's identity (digests, architecture, quantisation, shape) and the program's version: what
/// require_match() compares. Whatever makes a vector from a model calls it, so that no vector goes out that a
/// foreign model would take.
void set_model(SteeringVector& vector, const ModelInfo& info);

/// set_model(), task, seed and what became of control tokens' names ("special" of the settings, where the
/// texts' file said it); the caller adds settings and the prompts' digest.
void set_provenance(SteeringVector& vector, const ModelInfo& info, const std::string& task,
                    const std::string& prompts_digest, std::uint64_t seed);

/// What an extraction reads, as if it were the only one: "input.texts" and "input.tokens" of the settings.
/// Counted from the texts, whatever the engine shares between them or pads, so that they are the same after
/// an interruption.
void set_inputs(SteeringVector& vector, std::size_t n_text, std::uint64_t n_token);
/// Texts that are read once each.
void set_inputs(SteeringVector& vector, const Model& model, std::span<const std::string> texts);

/// Tokens of texts, BOS included where the model wants it.
std::uint64_t count_tokens(const Model& model, std::span<const std::string> texts);

}  // namespace tiller
