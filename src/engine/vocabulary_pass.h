// Passes over the logits of one token: up to a quarter of a million values each, for every row and step, so
// they are written for the machine's vector units.
#pragma once

#include <cstddef>
#include <span>

namespace tiller::engine {

struct Peak {
    std::size_t index = 0;  ///< Of the largest value, the first of equal ones; values.size() when none is
                            ///< above minus infinity.
    float value = 0;        ///< Minus infinity then. What is not a number is passed over.
};

/// The largest value. Thread-safe.
Peak find_peak(std::span<const float> values);

/// How many values are larger than the one at `index`, which must exist, or equal to it and before it: its
/// rank from 0. What is not a number is passed over. Thread-safe.
std::size_t count_before(std::span<const float> values, std::size_t index);

/// Sum of exp(value - largest), for values at most `largest`: exponentials and sums of at most 32 of them in
/// float32 (relative error 2e-7 each), the rest in float64. Every step is rounded in the same order whatever
/// the width of the machine's vectors, so the result does not depend on it. Not a number when a value is
/// not. Thread-safe.
double sum_exp(std::span<const float> values, float largest);

/// Sums over the values a of one token's logits and the values b of another's, with the largest of each taken
/// off.
struct ShiftSums {
    double exp = 0;         ///< Of exp(a).
    double exp_b = 0;       ///< Of exp(b).
    double value = 0;       ///< Of exp(a) a.
    double difference = 0;  ///< Of exp(a) (a - b).
};

/// In float64, in the same order on every machine. A value of `a` whose exponential is 0 adds nothing. `a`
/// and `b` are of the same length. Not a number when a value of either is not. Thread-safe.
ShiftSums sum_shift(std::span<const float> a, float largest_a, std::span<const float> b, float largest_b);

}  // namespace tiller::engine
