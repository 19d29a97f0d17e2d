// What differs from draw to draw of training items and prompts.
#pragma once

#include <optional>
#include <span>

namespace tiller {

/// Over the means of draws, Student's t.
struct DrawSpread {
    double half_width = 0;  ///< Of the 95 % interval.
    double p = 1;           ///< Two-sided, of "the mean is 0".
};

/// Nothing where draws do not differ by more than their items leave open (F test of the means at 25 %), or
/// where there are fewer than two draws or no more values than draws. `draws` is empty or as long as
/// `values`.
std::optional<DrawSpread> spread_over_draws(std::span<const double> values, std::span<const int> draws);

}  // namespace tiller
