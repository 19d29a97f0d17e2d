// How far steering moves a next-token distribution.
#pragma once

#include <span>

namespace tiller::engine {

/// The divergence and entropy of a steered next-token distribution, in nats.
struct Shift {
    double kl = 0;  ///< KL(steered || unsteered), 0 or more; infinite when only `steered` gives a token mass.
    double entropy = 0;  ///< Of the steered distribution.
};

/// Compares softmax(steered) with softmax(unsteered); both are logits over the same vocabulary. Sums are
/// float64, and the same on every machine (sum_shift()). Not a number when a logit is not. Throws usage when
/// the lengths differ or are 0. Thread-safe.
Shift shift_of(std::span<const float> steered, std::span<const float> unsteered);

}  // namespace tiller::engine
