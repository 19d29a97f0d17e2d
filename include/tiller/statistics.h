// Intervals and tests over items. Pure functions; thread-safe; deterministic in their seeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tiller {

/// A mean over items with its 95 % bootstrap interval.
struct Interval {
    double mean = 0, low = 0, high = 0;
};

/// A number without an interval.
inline Interval plain_number(double value) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    return {value, none, none};
}
/// No number at all.
inline Interval no_number() { return plain_number(std::numeric_limits<double>::quiet_NaN()); }

/// Arithmetic mean; NaN of nothing.
double mean_of(std::span<const double> values);

/// Mean with a 95 % bootstrap interval over items: percentiles of resampled means, widened for small samples
/// (Hesterberg 2015, arXiv 1411.5279, section 5.3: by t quantiles and sqrt(n / (n - 1))). Shares (values that
/// are all 0 or 1) are resampled with one success and one failure added, because the plain bootstrap calls 0
/// hits of 40 a certain 0. The mean is that of the values alone. Empty: zeros; one value: that value.
Interval bootstrap_mean(std::span<const double> values, int n_resample, std::uint64_t seed);
/// The same for the mean of a[i] - b[i] over items; where both sides are shares, an item won and an item lost
/// are added. Throws usage when the lengths differ.
Interval bootstrap_difference(std::span<const double> a, std::span<const double> b, int n_resample,
                              std::uint64_t seed);

/// Mean of the groups' means with an interval over groups (seeds) and over the values (items) within them:
/// both are resampled, and the percentiles are moved out by sqrt(G / (G - 1)) for G groups. Simulated
/// coverage with 3 groups of 30 hits is 95 to 99 % while the groups' own means spread by no more than the
/// items of one group leave open (0.1), 85 to 90 % at twice that: few groups cannot tell how much groups
/// differ. Empty groups are left out; one group: bootstrap_mean(); none: zeros.
/// `extremes` are added to each group that is resampled, as bootstrap_mean() and bootstrap_difference() do it
/// for shares: {0, 1}, for their differences {-1, 1}.
Interval bootstrap_groups(const std::vector<std::vector<double>>& groups, int n_resample, std::uint64_t seed,
                          const std::vector<double>& extremes = {});
/// mean(a) / mean(b) of paired values with a 95 % bootstrap interval over items, widened like
/// bootstrap_mean(). NaN throughout when there is no ratio to speak of: fewer than two items, or a
/// denominator that is not clearly above 0 (its own interval, or a resample at the edge of this one, reaches
/// 0). Throws usage when the lengths differ.
Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b, int n_resample,
                         std::uint64_t seed);
/// The same for any other statistic of the items: its value, and the values it had in resamples of the n_item
/// items (in any order; finite). Fewer than two items or no resample: the value alone.
Interval percentile_interval(double value, std::vector<double> resampled, std::size_t n_item);

/// Two-sided p value of "a and b score alike" over paired items, in (0, 1]. Shares: McNemar's exact test on
/// the items that differ. Other values: a permutation test that turns the signs of the differences at random
/// (10,000 draws; the observed one counts as a draw). Throws usage when the lengths differ.
double paired_p(std::span<const double> a, std::span<const double> b, std::uint64_t seed);

/// Spearman's rank correlation of paired values, [-1, 1]: Pearson's correlation of the ranks, equal values
/// sharing the mean of theirs. NaN when there are fewer than two pairs or one side does not vary. Throws
/// usage when the lengths differ.
double spearman(std::span<const double> a, std::span<const double> b);
/// The same with a 95 % bootstrap interval over pairs: percentiles of resampled correlations, within [-1, 1];
/// resamples in which a side does not vary count as 0: they show no correlation. NaN throughout where
/// spearman() is NaN; low and high are NaN below six pairs, where such percentiles cover too little (78 % of
/// normal pairs with r = 0.7 at four, 95 % at six). Errors as spearman().
Interval bootstrap_spearman(std::span<const double> a, std::span<const double> b, int n_resample,
                            std::uint64_t seed);

/// Slope of the least-squares line of y over x. Throws usage when the lengths differ, there are fewer than
/// two points, or all x are equal.
double least_squares_slope(std::span<const double> x, std::span<const double> y);

/// Holm's step-down adjustment for several tests (Holm 1979), in the order of `p`; monotone, at most 1.
std::vector<double> holm(std::span<const double> p);

}  // namespace tiller
