// Full factorial designs measured on the same items in every cell: which factors the differences between the
// cells come from. Pure functions, deterministic in their seeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiller/statistics.h"

namespace tiller {

/// A full factorial design: one cell for each combination of the factors' levels. Cells are numbered so that
/// the last factor's level changes fastest. A set of factors is a number whose bit f means factor f.
class Factorial {
public:
    /// `n_level`: how many levels each factor has, each at least 1; at most 8 factors.
    explicit Factorial(const std::vector<int>& n_level);

    std::size_t n_factor() const { return n_factor_; }
    std::size_t n_cell() const { return group_.front().size(); }
    std::size_t n_set() const { return std::size_t{1} << n_factor_; }

    /// For each effect the mean of its squares over the cells. The result is [n_set()], by the set of factors
    /// that take part: main effects have one bit, interactions several, and [0] is the squared mean over all
    /// cells. They add up to the mean of the cells' squares, since the effects of a balanced design are
    /// orthogonal. `cells` is [n_cell()].
    std::vector<double> components(std::span<const double> cells) const;

private:
    std::size_t n_factor_;
    std::vector<std::vector<std::uint32_t>> group_;  // [set][cell]: index of the combination of its levels
    std::vector<std::size_t> n_group_;               // [set]: number of combinations
};

/// Scores [item][cell]; every row has a number for each of the design's cells.
using ItemsByCells = std::vector<std::vector<double>>;

/// How much of the differences one effect accounts for.
struct EffectShare {
    std::uint32_t factors = 0;  ///< Its factors; 0 = all interactions of three and more factors together.
    Interval of_cells;          ///< Share of the variance of the cells' true means; NaN unless told_apart.
    Interval of_all;            ///< Share of all variance: cells, items and the rest.
};
/// What variance_shares() returns.
struct VarianceShares {
    std::vector<EffectShare> effects;  ///< Main effects, pairs of factors, then (factors 0) the rest.
    Interval cells, items, rest;       ///< Shares of all variance; they add up to 1.
    /// Are the cells' true means shown to differ: is the lower end of `cells` above 0?
    bool told_apart = false;
};

/// Analysis of variance with items as blocks; eta squared without its bias. The mean over items of |e|^2,
/// where e is an effect's part of the item's row, would count noise as effect. So the mean of the products of
/// two different items' parts is taken. Shares add up to 1; that of an absent effect scatters around 0 and
/// may be negative. 95 % intervals are percentiles of a bootstrap over items, centred, and widened for small
/// samples as in bootstrap_mean(). All NaN with fewer than two items or when nothing varies.
VarianceShares variance_shares(const Factorial& design, const ItemsByCells& values, int n_resample,
                               std::uint64_t seed);

/// A factor's part in the difference between two cells of a design.
struct PathShare {
    Interval average;  ///< Its contribution, mean over all orders of changing the factors (Shapley value).
    Interval first, last;  ///< Its contribution when it is changed before, and after, all others.
    double largest = 0;    ///< Share of resamples in which its average is the largest in size.
};
/// What gap_shares() returns.
struct GapShares {
    Interval gap;                    ///< End minus start; the averages add up to it.
    std::vector<PathShare> factors;  ///< [n_factor]
};
/// Splits the difference between a start cell and an end cell, which differ in n factors, into the factors'
/// parts. `corners` is [2^n][item], by set of factors (see Factorial): scores in the cell where the factors
/// of the set have the end's level and the others the start's. Intervals over items as bootstrap_difference()
/// gives them.
GapShares gap_shares(std::size_t n_factor, const std::vector<std::vector<double>>& corners, Scale scale,
                     int n_resample, std::uint64_t seed);

}  // namespace tiller
