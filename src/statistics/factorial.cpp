#include "statistics/factorial.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "tiller/random.h"

namespace tiller {
namespace {

// Unbiased parts of the variance.
struct Parts {
    std::vector<double> effects;  // [set]
    double cells = 0, items = 0, rest = 0, all = 0;
};

// `of_mean`: components of the mean row of n items. `mean_of`: means of the items' own components. The
// products of different items' effects average to (n of_mean - mean_of) / (n - 1), which noise does not
// raise. `shift` is subtracted from each effect.
Parts parts_of(const std::vector<double>& of_mean, const std::vector<double>& mean_of, double n,
               const std::vector<double>& shift) {
    Parts p;
    p.effects.resize(of_mean.size());
    for (std::size_t e = 0; e < of_mean.size(); ++e) {
        p.effects[e] = (n * of_mean[e] - mean_of[e]) / (n - 1) - shift[e];
        const double within = mean_of[e] - p.effects[e];
        (e == 0 ? p.items : p.rest) += within;
        if (e > 0) p.cells += p.effects[e];
    }
    p.all = p.cells + p.items + p.rest;
    return p;
}

// The sets of one factor, then of two factors: effects with a share of their own.
std::vector<std::uint32_t> shown_sets(std::size_t n_set) {
    std::vector<std::uint32_t> sets;
    for (const int n : {1, 2})
        for (std::uint32_t set = 1; set < n_set; ++set)
            if (std::popcount(set) == n) sets.push_back(set);
    return sets;
}

// The effect of a set; for set 0 the sum over all sets of three and more factors.
double effect_of(const Parts& parts, std::uint32_t set) {
    if (set != 0) return parts.effects[set];
    double sum = 0;
    for (std::uint32_t e = 1; e < parts.effects.size(); ++e)
        if (std::popcount(e) > 2) sum += parts.effects[e];
    return sum;
}

}  // namespace

Factorial::Factorial(const std::vector<int>& n_level) : n_factor_(n_level.size()) {
    const auto n_cell = static_cast<std::size_t>(
        std::accumulate(n_level.begin(), n_level.end(), 1, [](int a, int b) { return a * b; }));
    for (std::size_t set = 0; set < n_set(); ++set) {
        auto& group = group_.emplace_back(n_cell);
        std::size_t n_group = 1;
        for (std::size_t f = 0; f < n_factor_; ++f)
            if (set >> f & 1) n_group *= static_cast<std::size_t>(n_level[f]);
        n_group_.push_back(n_group);
        for (std::size_t cell = 0; cell < n_cell; ++cell) {  // mutation: same
            std::size_t rest = cell, place = 0, stride = 1;
            for (std::size_t f = n_factor_; f-- > 0;) {
                const auto n = static_cast<std::size_t>(n_level[f]);
                if (set >> f & 1) {
                    place += rest % n * stride;
                    stride *= n;
                }
                rest /= n;
            }
            group[cell] = static_cast<std::uint32_t>(place);
        }
    }
}

std::vector<double> Factorial::components(std::span<const double> cells) const {
    // First the mean square of the means over all factors outside of a set. It contains the effects of all
    // subsets of the set, which the second loop subtracts.
    std::vector<double> out(n_set()), sums;
    for (std::size_t set = 0; set < n_set(); ++set) {
        sums.assign(n_group_[set], 0.0);
        for (std::size_t cell = 0; cell < cells.size(); ++cell) sums[group_[set][cell]] += cells[cell];
        const double size = static_cast<double>(cells.size()) / static_cast<double>(n_group_[set]);
        for (const double sum : sums) out[set] += sum / size * (sum / size);
        out[set] /= static_cast<double>(n_group_[set]);
    }
    for (std::size_t f = 0; f < n_factor_; ++f)
        for (std::size_t set = 0; set < n_set(); ++set)
            if (set >> f & 1) out[set] -= out[set ^ (std::size_t{1} << f)];
    return out;
}

VarianceShares variance_shares(const Factorial& design, const ItemsByCells& values, int n_resample,
                               std::uint64_t seed) {
    const std::size_t n_item = values.size(), n_cell = design.n_cell(), n_set = design.n_set();
    auto sets = shown_sets(n_set);
    if (design.n_factor() > 2) sets.push_back(0);
    VarianceShares out;
    for (const auto set : sets) out.effects.push_back({set, no_number(), no_number()});
    out.cells = out.items = out.rest = no_number();
    if (n_item < 2) return out;

    std::vector<std::vector<double>> own;
    for (const auto& row : values) own.push_back(design.components(row));
    const auto n = static_cast<double>(n_item);
    const std::vector<double> no_shift(n_set, 0.0);
    const auto split = [&](const std::vector<std::uint32_t>& items) {
        std::vector<double> row(n_cell, 0.0), mean_of(n_set, 0.0);
        for (const auto i : items) {
            for (std::size_t c = 0; c < n_cell; ++c) row[c] += values[i][c] / n;
            for (std::size_t e = 0; e < n_set; ++e) mean_of[e] += own[i][e] / n;
        }
        return std::pair(design.components(row), mean_of);
    };
    std::vector<std::uint32_t> items(n_item);
    std::iota(items.begin(), items.end(), 0u);
    const auto [of_mean, mean_of] = split(items);
    const Parts parts = parts_of(of_mean, mean_of, n, no_shift);
    if (!(parts.all > 0)) return out;

    // In a resample an item may be paired with itself. So resampled effects centre on the components of the
    // mean row, not on the unbiased estimates; `shift` is the difference.
    std::vector<double> shift(n_set);
    for (std::size_t e = 0; e < n_set; ++e) shift[e] = of_mean[e] - parts.effects[e];
    std::vector<std::vector<double>> of_cells(sets.size()), of_all(sets.size());
    std::vector<double> cells, blocks, rest;
    Random random(seed, "variance shares");
    for (int r = 0; r < n_resample; ++r) {
        for (auto& item : items) item = static_cast<std::uint32_t>(random.below(n_item));
        const auto [m, o] = split(items);
        const Parts p = parts_of(m, o, n, shift);
        // Shares are of the resample's total without the shift.
        const double all = parts_of(m, o, n, no_shift).all;
        if (!(all > 0)) continue;
        cells.push_back(p.cells / all);
        blocks.push_back(p.items / all);
        rest.push_back(p.rest / all);
        for (std::size_t k = 0; k < sets.size(); ++k) {
            const double effect = effect_of(p, sets[k]);
            of_all[k].push_back(effect / all);
            if (p.cells > 0) of_cells[k].push_back(effect / p.cells);
        }
    }
    out.cells = percentile_interval(parts.cells / parts.all, std::move(cells), n_item);
    out.items = percentile_interval(parts.items / parts.all, std::move(blocks), n_item);
    out.rest = percentile_interval(parts.rest / parts.all, std::move(rest), n_item);
    out.told_apart = out.cells.low > 0;  // mutation: same
    for (std::size_t k = 0; k < sets.size(); ++k) {
        const double effect = effect_of(parts, sets[k]);
        out.effects[k].of_all = percentile_interval(effect / parts.all, std::move(of_all[k]), n_item);
        if (out.told_apart)
            out.effects[k].of_cells =
                percentile_interval(effect / parts.cells, std::move(of_cells[k]), n_item);
    }
    return out;
}

GapShares gap_shares(std::size_t n_factor, const std::vector<std::vector<double>>& corners, Scale scale,
                     int n_resample, std::uint64_t seed) {
    const std::size_t n_set = std::size_t{1} << n_factor, n_item = corners.front().size();
    std::vector<double> factorial(n_factor + 1, 1.0);
    for (std::size_t k = 1; k <= n_factor; ++k) factorial[k] = factorial[k - 1] * static_cast<double>(k);
    const auto interval = [&](const std::vector<double>& a, const std::vector<double>& b, Scale of) {
        return bootstrap_difference(a, b, of, n_resample, seed);
    };
    GapShares out;
    out.gap = interval(corners.back(), corners.front(), scale);
    std::vector<std::vector<double>> average(n_factor, std::vector<double>(n_item, 0.0));
    for (std::size_t f = 0; f < n_factor; ++f) {
        const std::size_t bit = std::size_t{1} << f;
        for (std::size_t set = 0; set < n_set; ++set) {
            if (set & bit) continue;
            // The share of all orders in which exactly the set's factors are changed before this one.
            const auto before = static_cast<std::size_t>(std::popcount(set));
            const double weight = factorial[before] * factorial[n_factor - 1 - before] / factorial[n_factor];
            for (std::size_t i = 0; i < n_item; ++i)
                average[f][i] += weight * (corners[set | bit][i] - corners[set][i]);
        }
        out.factors.push_back({interval(average[f], std::vector<double>(n_item, 0.0), Scale::number),
                               interval(corners[bit], corners[0], scale),
                               interval(corners[n_set - 1], corners[(n_set - 1) ^ bit], scale), 0});
    }
    Random random(seed, "largest part");
    std::vector<double> sums(n_factor);
    for (int r = 0; r < n_resample; ++r) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::size_t k = 0; k < n_item; ++k) {
            const auto i = static_cast<std::size_t>(random.below(n_item));
            for (std::size_t f = 0; f < n_factor; ++f) sums[f] += average[f][i];
        }
        double largest = 0;
        for (const double sum : sums) largest = std::max(largest, std::abs(sum));
        if (largest == 0) continue;
        // Parts that are equal up to rounding share the resample.
        const auto is_largest = [&](double sum) { return std::abs(sum) > largest * (1 - 1e-9); };
        const auto n_largest = std::count_if(sums.begin(), sums.end(), is_largest);
        for (std::size_t f = 0; f < n_factor; ++f)
            if (is_largest(sums[f]))
                out.factors[f].largest += 1.0 / (n_resample * static_cast<double>(n_largest));
    }
    return out;
}

}  // namespace tiller
