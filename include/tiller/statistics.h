// Intervals and tests over items. Pure functions; thread-safe; deterministic in their seeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

namespace tiller {

/// Which values a score can take. Intervals and tests depend on this, never on the values that happen to
/// occur.
enum class Scale {
    hit,     ///< 0 or 1 for each item, so that a mean is a share of items.
    share,   ///< Between 0 and 1 for each item.
    number,  ///< Any number.
};

/// A mean over items with its 95 % interval.
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
/// (Hesterberg 2015, arXiv 1411.5279, section 5.3: by t quantiles and sqrt(n / (n - 1))). Hits and shares are
/// resampled with one item at 0 and one at 1 added, because the plain bootstrap of 0 hits of 40 gives an
/// interval of width 0; the mean is without these two. No value: zeros; one value: that value.
///
/// `draws`, one for each value when not empty, says under which draw (of training items and prompts) an item
/// was tested. Where the draws' means differ (F test at the 50 % level: Bancroft's rule for pooling), the
/// interval is at least that of Student's t over draws. It then covers a run with other draws as well.
/// Simulated coverage with 5 draws of 20 hits each is 92 % or more, for true differences between draws of sd
/// 0 to 0.2; an interval over items only falls to 65 %. Intervals of hits and shares stay within [0, 1].
Interval bootstrap_mean(std::span<const double> values, Scale scale, int n_resample, std::uint64_t seed,
                        std::span<const int> draws = {});
/// The same for the mean of a[i] - b[i] over items, for hits and shares with one item at -1 and one at 1
/// added, within [-1, 1]. Throws usage when the lengths differ.
Interval bootstrap_difference(std::span<const double> a, std::span<const double> b, Scale scale,
                              int n_resample, std::uint64_t seed, std::span<const int> draws = {});

/// A mean, its 95 % interval and the two-sided p value of "it is 0".
struct Estimate {
    Interval interval;
    double p = 1;
};
/// Mean over runs (seeds). Each run maps items to values; an item has the same number in all runs. The
/// variance is that of the items' means over runs plus that of the runs' means; interval and p value are
/// Student's t with Welch and Satterthwaite's degrees of freedom, so few runs give a wide interval.
/// `is_difference`: values are differences of two scores of `scale`. Runs without values are left out. One
/// run: the variance of the items only. None: a NaN interval, and p is 1.
Estimate repeated_mean(const std::vector<std::map<int, double>>& runs, Scale scale, bool is_difference);

/// mean(a) / mean(b) of paired values with a 95 % bootstrap interval over items, widened like
/// bootstrap_mean(). NaN throughout when there is no ratio to speak of: fewer than two items, or a
/// denominator that is not clearly above 0 (its own interval, or a resample at the edge of this one, reaches
/// 0). Throws usage when the lengths differ.
Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b, int n_resample,
                         std::uint64_t seed);
/// The interval of any other statistic of items: its value, and the values it had in resamples of the n_item
/// items (in any order; finite). With fewer than two items or no resample, low and high are the value.
Interval percentile_interval(double value, std::vector<double> resampled, std::size_t n_item);

/// Two-sided p value of "a and b score alike" over paired items, in (0, 1]. Hits: McNemar's exact test on the
/// items that differ. Others: a permutation test that flips the signs of the differences at random (10,000
/// draws; the observed one counts as a draw). With `draws` whose means differ (see bootstrap_mean()): the
/// larger of this p value and that of Student's t test over draws. Throws usage when the lengths differ.
double paired_p(std::span<const double> a, std::span<const double> b, Scale scale, std::uint64_t seed,
                std::span<const int> draws = {});

/// Spearman's rank correlation of paired values, [-1, 1]: Pearson's correlation of the ranks, equal values
/// sharing the mean of theirs. NaN when there are fewer than two pairs or one side does not vary. Throws
/// usage when the lengths differ.
double spearman(std::span<const double> a, std::span<const double> b);
/// The same with a 95 % bootstrap interval over pairs: percentiles of resampled correlations, within [-1, 1].
/// A resample in which a side does not vary counts as 0, because it shows no correlation. NaN throughout
/// where spearman() is NaN. low and high are NaN for fewer than six pairs, where such percentiles cover too
/// little (78 % of normal pairs with r = 0.7 at four pairs, 95 % at six). Errors as spearman().
Interval bootstrap_spearman(std::span<const double> a, std::span<const double> b, int n_resample,
                            std::uint64_t seed);

/// Slope of the least-squares line of y over x. Throws usage when the lengths differ, there are fewer than
/// two points, or all x are equal.
double least_squares_slope(std::span<const double> x, std::span<const double> y);

/// Holm's step-down adjustment for several tests (Holm 1979), in the order of `p`; monotone, at most 1.
std::vector<double> holm(std::span<const double> p);

}  // namespace tiller
