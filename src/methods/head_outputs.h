// The outputs of all heads of a model at the last token of prompts.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller {

/// Head outputs (before W_O) at the last token of each prompt, [n_prompt][sum over layers of n_head *
/// d_head]: layers in rising order, heads in order within a layer; layers without heads have no values. All
/// prompts go through one Engine::run(). `first` is the number by which errors name the first prompt. Throws
/// bad_input when a value is not finite; errors of the engine pass through.
std::vector<std::vector<float>> head_outputs(Engine& engine, std::span<const std::string> prompts,
                                             std::size_t first = 0);

}  // namespace tiller
