// The arithmetic of edits, on one activation in host memory.
#pragma once

#include <span>

#include "tiller/edit.h"

namespace tiller::engine {

/// Applies operation(v, strength) to x in place. x and v have equal length. strength 0 changes nothing.
void apply(Operation operation, std::span<float> x, std::span<const float> v, float strength);

}  // namespace tiller::engine
