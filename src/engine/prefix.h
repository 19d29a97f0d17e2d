// Which rows of a wave can share the activations of their prompts.
#pragma once

#include <string>

#include "tiller/engine.h"

namespace tiller::engine {

/// Rows with the same key have the same activations before their last prompt token.
std::string prefix_key(const Row& row);
/// Does the row read activations before its last prompt token? It must then compute them itself.
bool captures_early(const Row& row);

}  // namespace tiller::engine
