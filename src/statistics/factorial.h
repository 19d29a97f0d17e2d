// Designs in which every level of each factor meets every level of the others, measured on the same items:
// which factor the differences between the cells come from. Pure functions, deterministic in their seeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiller/statistics.h"

namespace tiller {

/// A full factorial design. Cells are numbered with the last factor's level running fastest. A set of factors
/// is a number whose bit f stands for factor f.
class Factorial {
public:
    /// `n_level`: how many levels each factor has, each at least 1; at most 8 factors.
    explicit Factorial(const std::vector<int>& n_level);

    std::size_t n_factor() const { return n_factor_; }
    std::size_t n_cell() const { return group_.front().size(); }
    std::size_t n_set() const { return std::size_t{1} << n_factor_; }

    /// The mean of the squares of each effect over the cells, [n_set()], by the set of factors that takes
    /// part in it: the main effects have one bit, their interactions several, [0] is the square of the mean
    /// over all cells. They add up to the mean of the cells' squares (effects of a balanced design are
    /// orthogonal). `cells` is [n_cell()].
    std::vector<double> components(std::span<const double> cells) const;

private:
    std::size_t n_factor_;
    std::vector<std::vector<std::uint32_t>> group_;  // [set][cell]: which combination of the set's levels
    std::vector<std::size_t> n_group_;               // [set]
};

/// Items in the columns' role of a two-way table: [item][cell], every row complete.
using ItemsByCells = std::vector<std::vector<double>>;

/// How much of the differences one effect accounts for.
struct EffectShare {
    std::uint32_t factors = 0;  ///< Its factors; 0 = all interactions of three and more factors together.
    Interval of_cells;  ///< Of the variance of the cells' true means; NaN when they are not told apart.
    Interval of_all;    ///< Of all variance: cells, items and the rest.
};
struct VarianceShares {
    std::vector<EffectShare> effects;  ///< Main effects, pairs of factors, then the rest.
    Interval cells, items, rest;       ///< Shares of all variance; they add up to 1.
    /// Do the cells' true means differ at all? The lower end of `cells` is above 0.
    bool told_apart = false;
};

/// Analysis of variance with items as blocks. Eta squared without its bias: with e the effect's part of an
/// item's row, the mean of |e|^2 / n_cell over items would count noise as effect, so the mean of the products
/// of two different items' parts is taken (what a resampled item adds to it is taken off as well, so that
/// intervals are centred). Shares add up to 1; that of an effect that is not there scatters around 0 and may
/// be below. Percentile bootstrap intervals over items, widened for small samples as in bootstrap_mean().
/// NaN everywhere with fewer than two items or when nothing varies.
VarianceShares variance_shares(const Factorial& design, const ItemsByCells& values, int n_resample,
                               std::uint64_t seed);

/// A factor's part in the difference between two cells of a design.
struct PathShare {
    Interval average;  ///< Of its contributions over all orders in which factors are changed (Shapley value).
    Interval first, last;  ///< Changed before, after all others.
    double largest = 0;    ///< Share of resamples in which its average is the largest in size.
};
struct GapShares {
    Interval gap;  ///< End minus start; the averages add up to it.
    std::vector<PathShare> factors;
};
/// Splits the difference between two cells, which differ in n factors, into the factors' parts. `corners` is
/// [2^n][item]: the values of the cell in which the factors of the set (see Factorial) have the level of the
/// end, the others that of the start. Intervals as bootstrap_difference() gives, over items.
GapShares gap_shares(std::size_t n_factor, const std::vector<std::vector<double>>& corners, Scale scale,
                     int n_resample, std::uint64_t seed);

}  // namespace tiller
