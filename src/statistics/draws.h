// How much means differ between draws of training items and prompts.
#pragma once

#include <optional>
#include <span>

namespace tiller {

/// The 97.5 % quantile of Student's t with `df` degrees of freedom, above 0.
double student_quantile(double df);

/// Student's t over the means of draws.
struct DrawSpread {
    double half_width = 0;  ///< Of the 95 % interval.
    double p = 1;           ///< Two-sided p value of "the mean is 0".
};

/// The spread of `values` over draws; draws[i] is the draw of values[i]. Empty where the draws' means do not
/// differ by more than the items within draws explain (F test at 50 %), and where there are fewer than two
/// draws or no more values than draws. `draws` is empty or as long as `values`.
std::optional<DrawSpread> spread_over_draws(std::span<const double> values, std::span<const int> draws);

}  // namespace tiller
