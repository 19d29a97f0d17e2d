// The divergence of one next-token distribution from another.
#pragma once

#include <span>

namespace tiller {

/// The divergence and entropy of a steered next-token distribution, in nats.
struct Shift {
    double kl = 0;  ///< KL(steered || unsteered), 0 or more; infinite when only `steered` gives a token mass.
    double entropy = 0;  ///< Of the steered distribution.
};
/// Compares softmax(steered) with softmax(unsteered); both are logits over the same vocabulary. Sums are
/// float64. Throws usage when the lengths differ or are 0.
Shift shift_of(std::span<const float> steered, std::span<const float> unsteered);

}  // namespace tiller
