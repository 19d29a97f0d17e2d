// Records in a vector what it was made from.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tiller/vector.h"

namespace tiller {

/// Sets the model's identity (name, digests, architecture, quantisation, shape) and the program's version.
/// Also sets the setting "special" unless names of control tokens in texts are refused: "true" where they are
/// parsed, "false" where they are plain text. Everything that makes a vector from a model calls this:
/// require_match() compares the identity, so that the vector is not applied to another model.
void set_model(SteeringVector& vector, const ModelInfo& info);

/// set_model(), then the task's name, the digest of the prompts and the seed. The caller adds the method's
/// own settings.
void set_provenance(SteeringVector& vector, const ModelInfo& info, const std::string& task,
                    const std::string& prompts_digest, std::uint64_t seed);

/// Sets the settings "input.texts" and "input.tokens": how much an extraction reads when it is the only one.
/// Texts and tokens that the engine shares or pads do not change the numbers, nor does an interruption.
void set_inputs(SteeringVector& vector, std::size_t n_text, std::uint64_t n_token);
/// The same for texts that are read once each; counts their tokens.
void set_inputs(SteeringVector& vector, const Model& model, std::span<const std::string> texts);

/// Number of tokens of all texts, with BOS where the model wants it.
std::uint64_t count_tokens(const Model& model, std::span<const std::string> texts);

}  // namespace tiller
