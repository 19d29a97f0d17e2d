// How far apart two next-token distributions are.
#pragma once

#include <span>

namespace tiller {

/// How far a next-token distribution is from another one, in nats.
struct Shift {
    double kl = 0;  ///< KL(steered || unsteered), 0 or more; infinite where only the steered one has mass.
    double entropy = 0;  ///< Of the steered distribution.
};
/// Of softmax(steered) and softmax(unsteered), logits over the same vocabulary; float64 sums. Throws usage
/// when the lengths differ or are 0.
Shift shift_of(std::span<const float> steered, std::span<const float> unsteered);

}  // namespace tiller
