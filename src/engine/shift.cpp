#include "engine/shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/vocabulary_pass.h"
#include "tiller/error.h"

namespace tiller::engine {

Shift shift_of(std::span<const float> steered, std::span<const float> unsteered) {
    if (steered.empty() || steered.size() != unsteered.size())
        throw Error(Code::usage,
                    fmt::format("distributions over {} and {} tokens cannot be compared; give logits over "
                                "the same vocabulary",
                                steered.size(), unsteered.size()));
    const float largest = find_peak(steered).value, largest_unsteered = find_peak(unsteered).value;
    const ShiftSums sums = sum_shift(steered, largest, unsteered, largest_unsteered);
    // log p = (value - largest) - log(sum of exponentials), and the sums are of p times the first part.
    const double log_sum = std::log(sums.exp), log_sum_unsteered = std::log(sums.exp_b);
    const double kl = sums.difference / sums.exp - log_sum + log_sum_unsteered;
    return {.kl = kl < 0 ? 0 : kl,  // rounding
            .entropy = log_sum - sums.value / sums.exp};
}

}  // namespace tiller::engine
