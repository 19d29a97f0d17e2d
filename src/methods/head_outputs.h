// What every head of a model writes at the end of a prompt.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller {

/// Head outputs at the last token of each prompt: [n_prompt][all layers' n_head * d_head, head-major, layer
/// after layer]; layers without heads have none. All prompts go through one run(). `first` is the number of
/// the first one, for errors. Throws bad_input when a value is not finite; errors of the engine pass through.
std::vector<std::vector<float>> head_outputs(Engine& engine, std::span<const std::string> prompts,
                                             std::size_t first = 0);

}  // namespace tiller
