// Shares of variance and parts of a gap: known answers, and coverage of the intervals in simulations.
#include "statistics/factorial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "tiller/task.h"

namespace tiller::study {
namespace {

double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Factorial, ComponentsByHand) {
    // Two by two: grand mean 4, rows -+1, columns -+2, interaction +-1.
    const Factorial design({2, 2});
    ASSERT_EQ(design.n_cell(), 4u);
    const std::vector<double> cells = {4 - 1 - 2 + 1, 4 - 1 + 2 - 1, 4 + 1 - 2 - 1, 4 + 1 + 2 + 1};
    EXPECT_EQ(design.components(cells), (std::vector<double>{16, 1, 4, 1}));
}

TEST(Factorial, TheLastFactorRunsFastest) {
    const Factorial design({2, 3});
    const auto by_second = design.components(std::vector<double>{1, 2, 6, 1, 2, 6});
    EXPECT_NEAR(by_second[1], 0, 1e-12);
    EXPECT_NEAR(by_second[2], (4 + 1 + 9) / 3.0, 1e-12);
    EXPECT_NEAR(by_second[3], 0, 1e-12);
}

TEST(Factorial, ComponentsAddUpToTheMeanSquare) {
    const Factorial design({2, 3, 2, 4});
    Random random(4, "cells");
    std::vector<double> cells(design.n_cell());
    double squares = 0;
    for (double& cell : cells) {
        cell = random.normal() + 0.3;
        squares += cell * cell / static_cast<double>(cells.size());
    }
    const auto parts = design.components(cells);
    ASSERT_EQ(parts.size(), 16u);
    EXPECT_NEAR(sum_of(parts), squares, 1e-10);
    for (const double part : parts) EXPECT_GE(part, -1e-12);
}

// A 2 x 3 x 2 design with planted effects: means of the cells, and items that differ in level and in how much
// the first factor does to them.
struct Simulation {
    Factorial design{{2, 3, 2}};
    double size = 1;

    double mean(std::size_t cell) const {
        const bool a = cell / 6 == 1;
        const auto b = static_cast<int>(cell / 2 % 3);
        return size * ((a ? 0.5 : -0.5) + (b - 1) * 0.25 + (a && b == 2 ? 0.4 : 0));
    }
    std::vector<double> truth() const {
        std::vector<double> cells;
        for (std::size_t c = 0; c < design.n_cell(); ++c) cells.push_back(mean(c));
        return design.components(cells);
    }
    static constexpr double within = 1 + 0.25 + 1;  // of items, of their slopes, of noise
    ItemsByCells draw(Random& random, int n_item) const {
        ItemsByCells values;
        for (int i = 0; i < n_item; ++i) {
            const double item = random.normal(), slope = 0.5 * random.normal();
            auto& row = values.emplace_back();
            for (std::size_t c = 0; c < design.n_cell(); ++c)
                row.push_back(mean(c) + item + (c / 6 == 1 ? slope : -slope) + random.normal());
        }
        return values;
    }
};

double cells_variance(const std::vector<double>& parts) { return sum_of(parts) - parts[0]; }

TEST(VarianceShares, SharesAddUp) {
    const Simulation simulation;
    Random random(1, "shares");
    const auto shares = variance_shares(simulation.design, simulation.draw(random, 30), 200, 1);
    ASSERT_TRUE(shares.told_apart);
    ASSERT_EQ(shares.effects.size(), 7u);  // 3 main effects, 3 pairs, the rest
    double of_cells = 0, of_all = 0;
    for (const auto& effect : shares.effects) {
        of_cells += effect.of_cells.mean;
        of_all += effect.of_all.mean;
    }
    EXPECT_NEAR(of_cells, 1, 1e-9);
    EXPECT_NEAR(of_all, shares.cells.mean, 1e-9);
    EXPECT_NEAR(shares.cells.mean + shares.items.mean + shares.rest.mean, 1, 1e-9);
}

TEST(VarianceShares, WithoutNoiseTheyAreEtaSquared) {
    // Items differ by a constant alone: the cells' part is known exactly.
    const Factorial design({2, 2});
    ItemsByCells values;
    for (const double item : {0.0, 10.0, 20.0}) values.push_back({item + 1, item + 5, item + 1, item + 9});
    const auto shares = variance_shares(design, values, 200, 1);
    const auto parts = design.components(std::vector<double>{1, 5, 1, 9});
    const double cells = cells_variance(parts);
    for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_NEAR(shares.effects[k].of_cells.mean, parts[shares.effects[k].factors] / cells, 1e-9);
        EXPECT_NEAR(shares.effects[k].of_cells.low, shares.effects[k].of_cells.high, 1e-9);
    }
    EXPECT_NEAR(shares.items.mean, 100 / (100 + cells), 1e-9);  // variance of 0, 10, 20
    EXPECT_NEAR(shares.rest.mean, 0, 1e-9);
}

TEST(VarianceShares, NoiseDoesNotCountAsEffect) {
    const Factorial design({2, 3, 2});
    Random random(2, "noise");
    double sum = 0;
    int told_apart = 0;
    constexpr int n_set = 200;
    for (int s = 0; s < n_set; ++s) {
        ItemsByCells values(12);
        for (auto& row : values)
            for (std::size_t c = 0; c < 12; ++c) row.push_back(random.normal());
        const auto shares = variance_shares(design, values, 100, static_cast<std::uint64_t>(s));
        sum += shares.cells.mean;
        told_apart += shares.told_apart;
        for (const auto& effect : shares.effects)
            EXPECT_EQ(std::isnan(effect.of_cells.mean), !shares.told_apart);
    }
    EXPECT_NEAR(sum / n_set, 0, 0.01);  // eta squared as such would be 11 / 143 = 0.077
    EXPECT_LE(told_apart, n_set * 5 / 100);
}

TEST(VarianceShares, NothingToTell) {
    const Factorial design({2, 2});
    for (const ItemsByCells& values :
         {ItemsByCells{}, ItemsByCells{{1, 2, 3, 4}}, ItemsByCells(5, {2, 2, 2, 2})}) {
        const auto shares = variance_shares(design, values, 100, 1);
        EXPECT_FALSE(shares.told_apart);
        EXPECT_TRUE(std::isnan(shares.cells.mean));
        ASSERT_EQ(shares.effects.size(), 3u);
        EXPECT_TRUE(std::isnan(shares.effects[0].of_cells.mean));
    }
}

TEST(VarianceShares, OneResampleIsOne) {
    const Simulation simulation;
    Random random(2, "shares");
    const auto shares = variance_shares(simulation.design, simulation.draw(random, 10), 1, 1);
    EXPECT_LT(shares.cells.low, shares.cells.high);
}

TEST(VarianceShares, ARareHitLeavesSharesWithinReason) {
    ItemsByCells values(20, std::vector<double>(4, 0.0));
    values[3][2] = 1;
    const auto shares = variance_shares(Factorial({2, 2}), values, 500, 1);
    EXPECT_FALSE(shares.told_apart);
    for (const Interval& i : {shares.cells, shares.items, shares.rest}) {
        EXPECT_GE(i.low, -1);
        EXPECT_LE(i.high, 2);
    }
}

// 93 to 97 % of 500 sets; the standard error is 1 %. Effects that are not there, where the estimate lies at
// the end of what is possible, are covered more often.
TEST(VarianceSharesCoverage, OfPlantedEffects) {
    for (const auto& [n_item, size] : {std::pair(20, 1.0), std::pair(40, 0.7)}) {
        const Simulation simulation{.size = size};
        const auto truth = simulation.truth();
        const double cells = cells_variance(truth), all = cells + Simulation::within;
        constexpr int n_set = 500;
        std::vector<int> of_cells(7), of_all(7);
        int told_apart = 0, whole = 0;
        Random random(3, "coverage");
        for (int s = 0; s < n_set; ++s) {
            const auto shares = variance_shares(simulation.design, simulation.draw(random, n_item), 300,
                                                static_cast<std::uint64_t>(s));
            whole += shares.cells.low <= cells / all && cells / all <= shares.cells.high;
            told_apart += shares.told_apart;
            for (std::size_t k = 0; k < 7; ++k) {
                const double effect = truth[shares.effects[k].factors ? shares.effects[k].factors : 7];
                const Interval &c = shares.effects[k].of_cells, &a = shares.effects[k].of_all;
                of_cells[k] += c.low <= effect / cells && effect / cells <= c.high;
                of_all[k] += a.low <= effect / all && effect / all <= a.high;
            }
        }
        EXPECT_GE(told_apart, n_set * 85 / 100) << n_item;
        EXPECT_GE(whole, n_set * 92 / 100) << n_item;
        EXPECT_LE(whole, n_set * 98 / 100) << n_item;
        for (const std::size_t k : {0u, 1u}) {  // the two main effects that were planted
            EXPECT_GE(of_all[k], n_set * 92 / 100) << n_item << " " << k;
            EXPECT_LE(of_all[k], n_set * 98 / 100) << n_item << " " << k;
            EXPECT_GE(of_cells[k], told_apart * 92 / 100) << n_item << " " << k;
            EXPECT_LE(of_cells[k], told_apart * 99 / 100) << n_item << " " << k;
        }
        for (const std::size_t k : {2u, 3u, 4u, 5u, 6u}) EXPECT_GE(of_all[k], n_set * 93 / 100) << k;
    }
}

// --- The way between two cells

/// Corners of a function of the sets of factors, the same for all items but for a constant.
std::vector<std::vector<double>> corners_of(std::size_t n_factor,
                                            const std::function<double(std::size_t)>& value,
                                            const std::vector<double>& items = {0, 1, 2}) {
    std::vector<std::vector<double>> corners;
    for (std::size_t set = 0; set < std::size_t{1} << n_factor; ++set) {
        corners.emplace_back();
        for (const double item : items) corners.back().push_back(item + value(set));
    }
    return corners;
}

TEST(GapShares, OfASumAreItsTerms) {
    const std::vector<double> terms = {0.5, -0.25, 0, 2};
    const auto gap = gap_shares(4,
                                corners_of(4,
                                           [&](std::size_t set) {
                                               double sum = 0;
                                               for (std::size_t f = 0; f < 4; ++f)
                                                   sum += set >> f & 1 ? terms[f] : 0;
                                               return sum;
                                           }),
                                Scale::number, 200, 1);
    EXPECT_NEAR(gap.gap.mean, 2.25, 1e-12);
    for (std::size_t f = 0; f < 4; ++f) {
        EXPECT_NEAR(gap.factors[f].average.mean, terms[f], 1e-12);
        EXPECT_NEAR(gap.factors[f].first.mean, terms[f], 1e-12);
        EXPECT_NEAR(gap.factors[f].last.mean, terms[f], 1e-12);
    }
    EXPECT_NEAR(gap.factors[3].largest, 1, 1e-9);
}

TEST(GapShares, WhatNeedsTwoIsSharedByThem) {
    // Nothing happens until both of the first two are changed; the third does nothing.
    const auto gap = gap_shares(3, corners_of(3, [](std::size_t set) { return (set & 3) == 3 ? 1.0 : 0.0; }),
                                Scale::number, 200, 1);
    EXPECT_NEAR(gap.factors[0].average.mean, 0.5, 1e-12);
    EXPECT_NEAR(gap.factors[1].average.mean, 0.5, 1e-12);
    EXPECT_NEAR(gap.factors[2].average.mean, 0, 1e-12);
    EXPECT_NEAR(gap.factors[0].largest, 0.5, 1e-9);
    EXPECT_NEAR(gap.factors[1].largest, 0.5, 1e-9);
    EXPECT_NEAR(gap.factors[0].first.mean, 0, 1e-12);
    EXPECT_NEAR(gap.factors[0].last.mean, 1, 1e-12);
}

TEST(GapShares, PartsAddUpToTheGap) {
    Random random(5, "corners");
    std::vector<std::vector<double>> corners(16, std::vector<double>(12));
    for (auto& corner : corners)
        for (double& value : corner) value = random.normal();
    const auto gap = gap_shares(4, corners, Scale::number, 300, 1);
    double sum = 0, largest = 0;
    for (const auto& factor : gap.factors) {
        sum += factor.average.mean;
        largest += factor.largest;
    }
    EXPECT_NEAR(sum, gap.gap.mean, 1e-12);
    EXPECT_NEAR(largest, 1, 1e-9);
}

TEST(GapSharesCoverage, OfPlantedParts) {
    constexpr int n_set = 500;
    std::vector<int> covered(3);
    Random random(6, "gaps");
    for (int s = 0; s < n_set; ++s) {
        std::vector<std::vector<double>> corners(8);
        for (int i = 0; i < 25; ++i) {
            const double item = random.normal();
            for (std::size_t set = 0; set < 8; ++set)
                corners[set].push_back(item + (set & 1 ? 0.6 : 0) + ((set & 6) == 6 ? 0.4 : 0) +
                                       0.7 * random.normal());
        }
        const auto gap = gap_shares(3, corners, Scale::number, 400, static_cast<std::uint64_t>(s));
        const double parts[] = {0.6, 0.2, 0.2};
        for (std::size_t f = 0; f < 3; ++f)
            covered[f] += gap.factors[f].average.low <= parts[f] && parts[f] <= gap.factors[f].average.high;
    }
    for (const int n : covered) {
        EXPECT_GE(n, n_set * 92 / 100);
        EXPECT_LE(n, n_set * 98 / 100);
    }
}

}  // namespace
}  // namespace tiller::study
