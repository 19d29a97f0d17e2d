// The arithmetic of edits, on one activation in host memory.
#pragma once

#include <span>

#include "tiller/edit.h"

namespace tiller::engine {

/// A direction and how strongly to turn towards it.
struct Term {
    std::span<const float> v;
    float strength = 0;
};

/// ICV's norm-preserving turn towards several directions at once (Operation::turn): the terms are added to
/// the normalised x, each weighted by x as it was, and the sum is normalised once. All have x's length; terms
/// of strength 0 change nothing.
void turn(std::span<float> x, std::span<const Term> terms);

/// Applies operation(v, strength) to x in place. x and v fit each other (fits_width()). strength 0 changes
/// nothing. The order of the sums depends only on the widths.
void apply(Operation operation, std::span<float> x, std::span<const float> v, float strength);

}  // namespace tiller::engine
