// Bootstrap intervals and tests: known answers, determinism, and that 95 % means 95 %.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "statistics/draws.h"
#include "test_tasks_files.h"
#include "tiller/statistics.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;

TEST(Bootstrap, ConstantValuesHaveNoSpread) {
    const std::vector<double> values(7, 2.5);
    const Interval i = bootstrap_mean(values, Scale::number, 500, 3);
    EXPECT_EQ(i.mean, 2.5);
    EXPECT_EQ(i.low, 2.5);
    EXPECT_EQ(i.high, 2.5);
}

TEST(Bootstrap, NothingIsZero) {
    const Interval i = bootstrap_mean({}, Scale::number, 500, 3);
    EXPECT_EQ(i.mean, 0);
    EXPECT_EQ(i.low, 0);
    EXPECT_EQ(i.high, 0);
}

TEST(Bootstrap, OneValueIsItsOwnInterval) {
    const std::vector<double> values = {-4.25};
    const Interval i = bootstrap_mean(values, Scale::number, 500, 3);
    EXPECT_EQ(i.mean, -4.25);
    EXPECT_EQ(i.low, -4.25);
    EXPECT_EQ(i.high, -4.25);
}

// Resamples of {0, 1} have the mean 0, 1/2 or 1, the ends with probability 1/4 each: the percentiles are the
// ends.
TEST(Bootstrap, WithoutResamplesThereIsNoSpread) {
    const std::vector<double> values = {1, 2, 3};
    const Interval i = bootstrap_mean(values, Scale::number, 0, 1);
    EXPECT_EQ(i.low, 2);
    EXPECT_EQ(i.high, 2);
}

TEST(Bootstrap, TwoValuesReachBothEnds) {
    const std::vector<double> values = {0, 1};
    const Interval i = bootstrap_mean(values, Scale::hit, 1000, 3);
    EXPECT_EQ(i.mean, 0.5);
    EXPECT_EQ(i.low, 0);
    EXPECT_EQ(i.high, 1);
}

// The percentiles of resampled means are near mean -+ 1.96 standard errors (of the sample, not of the
// population).
TEST(Bootstrap, WidthIsTheStandardError) {
    std::vector<double> values(400);
    std::iota(values.begin(), values.end(), 0.0);  // variance (n^2 - 1) / 12
    const double mean = 199.5, error = std::sqrt((400.0 * 400.0 - 1) / 12 / 400);
    const Interval i = bootstrap_mean(values, Scale::number, 4000, 8);
    EXPECT_DOUBLE_EQ(i.mean, mean);
    EXPECT_NEAR(i.low, mean - 1.96 * error, 0.12 * error);
    EXPECT_NEAR(i.high, mean + 1.96 * error, 0.12 * error);
}

// Of the 5^5 resamples of {0, 1, 10, 100, 1000} one is all 0 (0.03 %) and five have one 1 (with the first
// 0.19 %). At Student's t of 4 degrees, 2.776 sqrt(5 / 4), lie 0.098 %: the low end is 1 / 5. The
// normal's 1.96 would end at 1.
TEST(Bootstrap, FewItemsGetStudentsT) {
    const std::vector<double> values = {0, 1, 10, 100, 1000};
    EXPECT_DOUBLE_EQ(bootstrap_mean(values, Scale::number, 200000, 5).low, 0.2);
}

// Of three resamples the ends are the least and the greatest: of {0, 1}, the greatest is 1 in 1 - (3 / 4)^3 =
// 58 % of draws, the middle one in 16 %.
TEST(Bootstrap, TheLastResampleIsTheLast) {
    int n_one = 0;
    for (std::uint64_t seed = 0; seed < 1000; ++seed)
        n_one += bootstrap_mean(std::vector<double>{0, 1}, Scale::number, 3, seed).high == 1;
    EXPECT_NEAR(n_one, 578, 60);
}

TEST(Bootstrap, SeedDecides) {
    std::vector<double> values;
    Random random(1, "values");
    for (int k = 0; k < 40; ++k) values.push_back(random.normal());
    const Interval a = bootstrap_mean(values, Scale::number, 300, 7),
                   b = bootstrap_mean(values, Scale::number, 300, 7),
                   c = bootstrap_mean(values, Scale::number, 300, 8);
    EXPECT_EQ(a.low, b.low);
    EXPECT_EQ(a.high, b.high);
    EXPECT_TRUE(a.low != c.low || a.high != c.high);
    EXPECT_EQ(a.mean, c.mean);
}

// The order of items may change the resamples, but neither the mean nor, much, the interval.
TEST(Bootstrap, OrderOfItemsDoesNotMatter) {
    std::vector<double> values;
    for (int k = 0; k < 64; ++k) values.push_back(k % 5);  // sums are exact in any order
    const Interval a = bootstrap_mean(values, Scale::number, 4000, 7);
    std::sort(values.begin(), values.end());
    const Interval b = bootstrap_mean(values, Scale::number, 4000, 7);
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_NEAR(a.low, b.low, 0.05);
    EXPECT_NEAR(a.high, b.high, 0.05);
}

TEST(Bootstrap, DifferenceIsPaired) {
    // Items differ a lot, the two sides always by the same: only pairing sees that.
    std::vector<double> a, b;
    for (int k = 0; k < 30; ++k) {
        a.push_back(100.0 * k + 1);
        b.push_back(100.0 * k);
    }
    const Interval d = bootstrap_difference(a, b, Scale::number, 500, 1);
    EXPECT_EQ(d.mean, 1);
    EXPECT_EQ(d.low, 1);
    EXPECT_EQ(d.high, 1);
}

TEST(Bootstrap, DifferenceTurnsItsSign) {
    std::vector<double> a, b;
    Random random(2, "sides");
    for (int k = 0; k < 30; ++k) {
        a.push_back(random.normal());
        b.push_back(random.normal());
    }
    const Interval ab = bootstrap_difference(a, b, Scale::number, 501, 1),
                   ba = bootstrap_difference(b, a, Scale::number, 501, 1);
    EXPECT_DOUBLE_EQ(ab.mean, -ba.mean);
    EXPECT_NEAR(ab.low, -ba.high, 1e-2);
    EXPECT_NEAR(ab.high, -ba.low, 1e-2);
}

TEST(Bootstrap, SidesOfDifferentLengthAreRefused) {
    const std::vector<double> a = {1, 2, 3}, b = {1, 2};
    const auto text = error_of(Code::usage, [&] { bootstrap_difference(a, b, Scale::number, 500, 1); });
    test::expect_parts(text, {"3", "2"});
}

// --- Coverage by simulation: data sets of 40 draws, fixed seeds
// ----------------------------------------------

constexpr int n_set = 2000, n_item = 40, n_resample = 600;

template <class Draw>
double coverage(double truth, const char* stream, Scale scale, Draw draw) {
    Random random(5, stream);
    int covered = 0;
    for (int s = 0; s < n_set; ++s) {
        std::vector<double> a, b;
        for (int k = 0; k < n_item; ++k) {
            const auto [x, y] = draw(random);
            a.push_back(x);
            b.push_back(y);
        }
        const Interval i = bootstrap_difference(a, b, scale, n_resample, static_cast<std::uint64_t>(s));
        covered += i.low <= truth && truth <= i.high;
    }
    return static_cast<double>(covered) / n_set;
}

// 93 to 97 %; 2000 sets leave a standard error of 0.5 %.
void expect_nominal(double share) {
    EXPECT_GE(share, 0.93);
    EXPECT_LE(share, 0.97);
}

double right(bool yes) { return yes ? 1.0 : 0.0; }

TEST(BootstrapCoverage, MeanOfNormalDraws) {
    expect_nominal(coverage(0.3, "normal", Scale::number,
                            [](Random& r) { return std::pair(0.3 + 2 * r.normal(), 0.0); }));
}

TEST(BootstrapCoverage, StyleScores) {  // mostly near 0 or 1, as the classifier's are
    const auto score = [](Random& r, double share) {
        const double u = std::pow(r.uniform(), 3);
        return r.uniform() < share ? 1 - u : u;
    };
    // E[u^3] = 1/4: 0.75 q + 0.25 (1 - q) = 0.25 + 0.5 q on each side.
    expect_nominal(coverage(0.15, "style", Scale::share,
                            [&](Random& r) { return std::pair(score(r, 0.7), score(r, 0.4)); }));
}

TEST(BootstrapCoverage, PairedAnswersWithAPlantedEffect) {
    // Right under both 20 %, under the first alone 35 %, under the second alone 5 %.
    expect_nominal(coverage(0.3, "answers", Scale::hit, [](Random& r) {
        const double u = r.uniform();
        return std::pair(right(u < 0.55), right(u < 0.2 || (u >= 0.55 && u < 0.6)));
    }));
}

TEST(BootstrapCoverage, SharesOfRightAnswers) {
    for (double share : {0.15, 0.5, 0.85}) {
        Random random(7, "shares");
        int covered = 0;
        for (int s = 0; s < n_set; ++s) {
            std::vector<double> values;
            for (int k = 0; k < n_item; ++k) values.push_back(right(random.uniform() < share));
            const Interval i = bootstrap_mean(values, Scale::hit, n_resample, static_cast<std::uint64_t>(s));
            covered += i.low <= share && share <= i.high;
        }
        EXPECT_GE(covered, n_set * 93 / 100) << share;
        EXPECT_LE(covered, n_set * 98 / 100) << share;  // shares come in steps of 1/40
    }
}

TEST(Bootstrap, NoHitsAreNotACertainZero) {
    const std::vector<double> none(40, 0), all(40, 1);
    const Interval low = bootstrap_mean(none, Scale::hit, 2000, 1),
                   high = bootstrap_mean(all, Scale::hit, 2000, 1),
                   same = bootstrap_difference(none, none, Scale::hit, 2000, 1);
    EXPECT_EQ(low.mean, 0);
    EXPECT_EQ(low.low, 0);
    EXPECT_GT(low.high, 0.05);  // the exact interval ends at 0.088
    EXPECT_LT(low.high, 0.12);
    EXPECT_EQ(high.high, 1);
    EXPECT_LT(high.low, 0.95);
    EXPECT_LT(same.low, 0);
    EXPECT_GT(same.high, 0);
}

// --- Tests
// ----------------------------------------------------------------------------------------------------

/// n items: `won` right under a alone, `lost` under b alone, the rest under both.
std::pair<std::vector<double>, std::vector<double>> answers(int n, int won, int lost) {
    std::vector<double> a, b;
    for (int i = 0; i < n; ++i) {
        a.push_back(i >= won && i < won + lost ? 0 : 1);
        b.push_back(i < won ? 0 : 1);
    }
    return {a, b};
}

TEST(PairedP, McNemarExactKnownValues) {
    const auto p = [](int won, int lost) {
        const auto [a, b] = answers(60, won, lost);
        return paired_p(a, b, Scale::hit, 1);
    };
    EXPECT_DOUBLE_EQ(p(0, 0), 1);
    EXPECT_DOUBLE_EQ(p(1, 0), 1);
    EXPECT_NEAR(p(4, 0), 0.125, 1e-12);        // 2 / 2^4
    EXPECT_NEAR(p(0, 6), 0.03125, 1e-12);      // 2 / 2^6
    EXPECT_NEAR(p(9, 1), 22.0 / 1024, 1e-12);  // 2 (1 + 10) / 2^10
    EXPECT_DOUBLE_EQ(p(5, 5), 1);              // more than certain, cut off
    EXPECT_DOUBLE_EQ(p(2, 9), p(9, 2));
}

TEST(PairedP, SignFlipsKnownValues) {
    // Five equal differences: only the two extreme patterns of 2^5 reach the observed sum.
    const std::vector<double> zero(5, 0), half(5, 0.5);
    EXPECT_NEAR(paired_p(half, zero, Scale::number, 1), 2.0 / 32, 0.01);
    EXPECT_EQ(paired_p(zero, zero, Scale::number, 1), 1);
    const std::vector<double> mixed = {0.5, -0.5, 0.25, -0.25};
    EXPECT_EQ(paired_p(mixed, std::vector<double>(4, 0), Scale::number, 1), 1);
    EXPECT_EQ(paired_p(half, zero, Scale::number, 1), paired_p(half, zero, Scale::number, 1));
    const auto text = error_of(Code::usage, [&] { paired_p(half, mixed, Scale::number, 1); });
    test::expect_parts(text, {"5", "4"});
}

TEST(PairedP, EqualSidesAreToldApartInAtMostFivePercent) {
    Random random(6, "equal sides");
    int answers_apart = 0, styles_apart = 0;
    constexpr int n_null = 600;
    for (int s = 0; s < n_null; ++s) {
        std::vector<double> a, b, x, y;
        for (int k = 0; k < n_item; ++k) {
            a.push_back(right(random.uniform() < 0.4));
            b.push_back(right(random.uniform() < 0.4));
            const double item = random.normal();  // what both sides share
            x.push_back(item + random.normal());
            y.push_back(item + random.normal());
        }
        answers_apart += paired_p(a, b, Scale::hit, static_cast<std::uint64_t>(s)) <= 0.05;
        styles_apart += paired_p(x, y, Scale::number, static_cast<std::uint64_t>(s)) <= 0.05;
    }
    // 5 % and two standard errors of 0.9 %; a test that never speaks says nothing.
    EXPECT_LE(answers_apart, n_null * 68 / 1000);
    EXPECT_GE(answers_apart, 1);
    EXPECT_LE(styles_apart, n_null * 68 / 1000);
    EXPECT_GE(styles_apart, n_null * 2 / 100);
}

TEST(Holm, KnownValues) {
    const std::vector<double> p = {0.01, 0.04, 0.03, 0.005};
    const auto adjusted = holm(p);
    const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};  // by hand: 4 x 0.005, 3 x 0.01, 2 x 0.03
    ASSERT_EQ(adjusted.size(), p.size());
    for (std::size_t i = 0; i < p.size(); ++i) EXPECT_DOUBLE_EQ(adjusted[i], expected[i]) << i;
    EXPECT_EQ(holm(std::vector<double>{0.7, 0.9}), (std::vector<double>{1, 1}));
    EXPECT_TRUE(holm({}).empty());
}

// --- Draws of training items and prompts: five, of 20 hits each, whose own probabilities spread ---------

struct DrawnHits {
    std::vector<double> values;
    std::vector<int> draws;
};

DrawnHits drawn_hits(Random& random, double p, double spread) {
    DrawnHits out;
    for (int draw = 0; draw < 5; ++draw) {
        const double own = std::clamp(p + spread * random.normal(), 0.0, 1.0);
        for (int i = 0; i < 20; ++i) {
            out.values.push_back(right(random.uniform() < own));
            out.draws.push_back(draw);
        }
    }
    return out;
}

TEST(Draws, IntervalsHoldWhatAnotherRunWouldDraw) {
    for (const double spread : {0.0, 0.05, 0.1, 0.2}) {
        Random random(9, "draws");
        int covered = 0, by_items = 0;
        for (int s = 0; s < n_set; ++s) {
            const auto [values, draws] = drawn_hits(random, 0.5, spread);
            const Interval i = bootstrap_mean(values, Scale::hit, 400, 1, draws),
                           items = bootstrap_mean(values, Scale::hit, 400, 1);
            covered += i.low <= 0.5 && 0.5 <= i.high;
            by_items += items.low <= 0.5 && 0.5 <= items.high;
            EXPECT_LE(i.low, items.low);
            EXPECT_GE(i.high, items.high);
        }
        EXPECT_GE(covered, n_set * 91 / 100) << spread;
        if (spread == 0.2) {
            EXPECT_LE(by_items, n_set * 75 / 100);
        }
    }
}

TEST(Draws, EqualDrawsArePooled) {
    std::vector<double> values;
    std::vector<int> draws;
    for (int i = 0; i < 40; ++i) values.push_back(i % 2), draws.push_back(i / 8);
    const Interval pooled = bootstrap_mean(values, Scale::hit, 500, 1),
                   drawn = bootstrap_mean(values, Scale::hit, 500, 1, draws);
    EXPECT_EQ(drawn.low, pooled.low);
    EXPECT_EQ(drawn.high, pooled.high);
}

// All that differs are the draws: 1, 1, 0, 0, 0 (mean 0.4, standard error sqrt(0.3 / 5)), t of 4 degrees.
TEST(Draws, StudentsTOverDraws) {
    std::vector<double> values, zero;
    std::vector<int> draws;
    for (int i = 0; i < 100; ++i)
        values.push_back(i < 40 ? 1 : 0), zero.push_back(0), draws.push_back(i / 20);
    const double half = 2.776445 * std::sqrt(0.3 / 5);
    const Interval i = bootstrap_difference(values, zero, Scale::hit, 500, 1, draws);
    EXPECT_NEAR(i.low, 0.4 - half, 1e-5);
    EXPECT_NEAR(i.high, 1, 1e-12) << "a difference of hits ends at 1";
    // 40 items won and none lost would be certain without the draws: t = 1.633, p = 0.178.
    EXPECT_LT(paired_p(values, zero, Scale::hit, 1), 1e-9);
    EXPECT_NEAR(paired_p(values, zero, Scale::hit, 1, draws), 0.1778, 1e-3);
}

// Two draws of two items each, means 1 and 5: standard error 2, t of 1 degree.
TEST(Draws, TwoAreEnough) {
    const std::vector<double> values = {0, 2, 4, 6};
    const auto two = spread_over_draws(values, std::vector<int>{0, 0, 1, 1});
    ASSERT_TRUE(two);
    EXPECT_NEAR(two->half_width, 12.706205 * 2, 1e-4);
    EXPECT_FALSE(spread_over_draws(values, std::vector<int>{0, 0, 0, 0}));
    EXPECT_FALSE(spread_over_draws(values, std::vector<int>{0, 1, 2, 3})) << "no items within draws";
}

// Three draws of two items each: of F(2, 3), 50 % lie above x with (1 + 2 x / 3)^(-3/2) = 1 / 2, x = 0.8811.
// Means of draws -d, 0, d and items 1 around them give F = d * d, and over draws t of 2 degrees, whose
// two-sided p is 1 - t / sqrt(2 + t * t).
TEST(Draws, CountWhereTheirMeansDifferAtAHalf) {
    const auto spread = [](double f, double mean) {
        std::vector<double> values;
        std::vector<int> draws;
        for (int k = -1; k <= 1; ++k)
            for (const double side : {-1.0, 1.0})
                values.push_back(mean + k * std::sqrt(f) + side), draws.push_back(k);
        return spread_over_draws(values, draws);
    };
    EXPECT_FALSE(spread(0.5, 0));
    EXPECT_FALSE(spread(0.88, 0));
    const auto wide = spread(0.89, 2);
    ASSERT_TRUE(wide);
    const double error = std::sqrt(2 * 0.89 / 6), t = 2 / error;
    EXPECT_NEAR(wide->half_width, 4.302653 * error, 1e-5);
    EXPECT_NEAR(wide->p, 1 - t / std::sqrt(2 + t * t), 1e-9);
    EXPECT_FALSE(spread_over_draws(std::vector<double>{1, 2, 3}, std::vector<int>{0, 0, 0})) << "one draw";
    EXPECT_FALSE(spread_over_draws(std::vector<double>{1, 2}, std::vector<int>{0, 1})) << "no item to spare";
}

// The scale decides, not the values: numbers that happen to be 0 and 1 are no hits.
TEST(Scales, DecideWhatAnIntervalCanBe) {
    const std::vector<double> none(40, 0.0);
    EXPECT_EQ(bootstrap_mean(none, Scale::number, 500, 1).high, 0);
    EXPECT_GT(bootstrap_mean(none, Scale::share, 500, 1).high, 0.01);
    EXPECT_EQ(bootstrap_mean(none, Scale::share, 500, 1).high, bootstrap_mean(none, Scale::hit, 500, 1).high);
}

// Runs over the same items, whose own probabilities spread; items are drawn anew in each set.
TEST(Runs, IntervalsHoldWhereRunsDiffer) {
    for (const double spread : {0.0, 0.1, 0.2, 0.3}) {
        Random random(11, "runs");
        int covered = 0;
        for (int s = 0; s < n_set; ++s) {
            std::vector<double> ease;
            for (int i = 0; i < 100; ++i) ease.push_back(0.2 * random.normal());
            std::vector<std::map<int, double>> runs(3);
            for (auto& run : runs) {
                const double own = 0.5 + spread * random.normal();
                for (int i = 0; i < 100; ++i)
                    run[i] = right(random.uniform() < own + ease[static_cast<std::size_t>(i)]);
            }
            const Interval i = repeated_mean(runs, Scale::hit, false).interval;
            covered += i.low <= 0.5 && 0.5 <= i.high;
        }
        EXPECT_GE(covered, n_set * 91 / 100) << spread;
    }
}

// Twelve items without a difference, and the two that are added: variance 2 / 13 over 14, t of 13 degrees.
TEST(Runs, NoDifferenceIsNotCertain) {
    std::map<int, double> run;
    for (int i = 0; i < 12; ++i) run[i] = 0;
    const Interval same = repeated_mean({run}, Scale::hit, true).interval;
    EXPECT_NEAR(same.high, 2.160369 * std::sqrt(2.0 / 13 / 14), 1e-6);
    EXPECT_EQ(same.low, -same.high);
    // Of scores, 0 and 1 are added, and the interval stays among shares.
    const Interval never = repeated_mean({run}, Scale::hit, false).interval;
    EXPECT_NEAR(never.high, 2.160369 * std::sqrt((1 - 1.0 / 14) / 13 / 14), 1e-6);
    EXPECT_EQ(never.low, 0);
}

TEST(Runs, OneOrNone) {
    EXPECT_TRUE(std::isnan(repeated_mean({}, Scale::hit, false).interval.mean));
    EXPECT_TRUE(std::isnan(repeated_mean({{}}, Scale::hit, false).interval.mean));
    EXPECT_EQ(repeated_mean({}, Scale::hit, false).p, 1);
    const Estimate one = repeated_mean({{}, {{1, 1.0}, {2, 3.0}, {3, 2.0}}}, Scale::number, false);
    EXPECT_DOUBLE_EQ(one.interval.mean, 2);
    EXPECT_NEAR(one.interval.high - 2, 4.302653 / std::sqrt(3), 1e-4) << "t of 2 degrees, variance 1";
    EXPECT_LT(one.p, 0.1);
    const Estimate lone = repeated_mean({{{1, 3.0}}}, Scale::number, false);
    EXPECT_EQ(lone.interval.low, 3);
    EXPECT_EQ(lone.interval.high, 3);
    EXPECT_EQ(lone.p, 1);
}

// Items' means 2, 5, 3 (variance of their mean 7 / 9) and runs' means 2, 4, 4 (4 / 9): 121 / 32.5 degrees,
// whose t is 2.859817; by numerical integration of its density.
TEST(Runs, WelchsDegreesOfFreedom) {
    const Estimate all = repeated_mean(
        {{{1, 1.0}, {2, 3.0}, {3, 2.0}}, {{1, 3.0}, {2, 5.0}, {3, 4.0}}, {{1, 2.0}, {2, 7.0}, {3, 3.0}}},
        Scale::number, false);
    EXPECT_NEAR(all.interval.mean, 10.0 / 3, 1e-12);
    EXPECT_NEAR(all.interval.high - all.interval.mean, 2.859817 * std::sqrt(11.0 / 9), 1e-4);
    EXPECT_NEAR(all.p, 0.043162, 1e-5);
}

// Two runs: items' means 2 and 4, runs' means 2 and 4, a variance of 1 from each; 4 / 2 degrees.
TEST(Runs, TwoAreEnough) {
    const Estimate two = repeated_mean({{{1, 1.0}, {2, 3.0}}, {{1, 3.0}, {2, 5.0}}}, Scale::number, false);
    EXPECT_NEAR(two.interval.high - two.interval.mean, 4.302653 * std::sqrt(2.0), 1e-4);
}

TEST(Spearman, KnownValues) {
    const std::vector<double> a = {1, 2, 3, 4, 5}, up = {-3, 0, 7, 8, 1e9}, down = {4, 3, 2, 1, 0};
    EXPECT_DOUBLE_EQ(spearman(a, up), 1);
    EXPECT_DOUBLE_EQ(spearman(a, down), -1);
    // Squared rank differences 1 + 1 + 1 + 1: 1 - 6 * 4 / (5 * 24).
    EXPECT_DOUBLE_EQ(spearman(a, std::vector<double>{20, 10, 40, 30, 50}), 0.8);
}

// Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: 4.5 / sqrt(4.5 * 5).
TEST(Spearman, TiesShareTheirRank) {
    const std::vector<double> a = {0.1, 0.5, 0.5, 0.9}, b = {1, 3, 2, 4};
    EXPECT_NEAR(spearman(a, b), 4.5 / std::sqrt(22.5), 1e-12);
    EXPECT_NEAR(spearman(b, a), 4.5 / std::sqrt(22.5), 1e-12);
    // All ties on both sides: two groups of two, in order and against it.
    const std::vector<double> c = {1, 1, 2, 2}, d = {5, 5, 3, 3};
    EXPECT_DOUBLE_EQ(spearman(c, c), 1);
    EXPECT_DOUBLE_EQ(spearman(c, d), -1);
}

TEST(Spearman, WhatDoesNotVaryHasNone) {
    const std::vector<double> a = {1, 2, 3, 4}, same(4, 0.3), one = {1};
    EXPECT_TRUE(std::isnan(spearman(a, same)));
    EXPECT_TRUE(std::isnan(spearman(one, one)));
    const Interval none = bootstrap_spearman(same, a, 500, 1);
    EXPECT_TRUE(std::isnan(none.mean) && std::isnan(none.low) && std::isnan(none.high));
    // Few pairs have a correlation, but no spread worth the name.
    const std::vector<double> three = {1, 2, 3}, five = {1, 2, 3, 4, 5};
    const Interval few = bootstrap_spearman(five, five, 500, 1);
    EXPECT_EQ(few.mean, 1);
    EXPECT_TRUE(std::isnan(few.low) && std::isnan(few.high));
    test::expect_parts(error_of(Code::usage, [&] { spearman(a, three); }), {"4", "3"});
}

TEST(Spearman, IntervalIsDeterministicAndHoldsTheCorrelation) {
    std::vector<double> a, b;
    Random random(3, "pairs");
    for (int k = 0; k < 12; ++k) {
        a.push_back(random.normal());
        b.push_back(a.back() + random.normal());
    }
    const Interval i = bootstrap_spearman(a, b, 1000, 4), same = bootstrap_spearman(a, b, 1000, 4);
    EXPECT_EQ(i.mean, spearman(a, b));
    EXPECT_EQ(i.low, same.low);
    EXPECT_EQ(i.high, same.high);
    EXPECT_LT(i.low, i.mean);
    EXPECT_GT(i.high, i.mean);
    EXPECT_GE(i.low, -1);
    EXPECT_LE(i.high, 1);
}

// One pair that differs from the rest makes a correlation that hangs on it: resamples without it show none.
TEST(Spearman, OnePairIsNoEvidence) {
    const std::vector<double> a = {1, 2, 3, 4, 5, 6}, b = {0, 0, 0, 0, 0, 1};
    const Interval i = bootstrap_spearman(a, b, 1000, 1);
    EXPECT_GT(i.mean, 0.6);
    EXPECT_EQ(i.low, 0);
}

// Normal pairs with correlation r have the rank correlation 6 / pi asin(r / 2).
TEST(BootstrapCoverage, RankCorrelation) {
    for (const auto& [n, r] :
         {std::pair(6, 0.0), std::pair(6, 0.7), std::pair(8, 0.0), std::pair(8, 0.7), std::pair(30, 0.7)}) {
        const double truth = 6 / std::acos(-1.0) * std::asin(r / 2);
        Random random(11, "rank correlation");
        int covered = 0;
        constexpr int n_sets = 1000;
        for (int s = 0; s < n_sets; ++s) {
            std::vector<double> a, b;
            for (int k = 0; k < n; ++k) {
                a.push_back(random.normal());
                b.push_back(r * a.back() + std::sqrt(1 - r * r) * random.normal());
            }
            const Interval i = bootstrap_spearman(a, b, 400, static_cast<std::uint64_t>(s));
            covered += i.low <= truth && truth <= i.high;
        }
        const double share = static_cast<double>(covered) / n_sets;
        EXPECT_GE(share, 0.93) << n << " pairs, r " << r;
        EXPECT_LE(share, 0.98) << n << " pairs, r " << r;
    }
}

// Gains of 40 items with a planted ratio: denominators of mean 2, numerators 0.6 of each, both noisy.
TEST(BootstrapRatio, CoversAPlantedRatio) {
    int n_covered = 0, n_known = 0;
    constexpr int n_study = 600;
    for (int study = 0; study < n_study; ++study) {
        Random random(static_cast<std::uint64_t>(study), "ratio");
        std::vector<double> a, b;
        for (int k = 0; k < 40; ++k) {
            const double item = 2 + random.normal();
            b.push_back(item + 0.5 * random.normal());
            a.push_back(0.6 * item + 0.5 * random.normal());
        }
        const Interval i = bootstrap_ratio(a, b, 400, static_cast<std::uint64_t>(study));
        n_known += std::isfinite(i.mean);
        n_covered += i.low <= 0.6 && 0.6 <= i.high;
        EXPECT_LE(i.low, i.mean);
        EXPECT_LE(i.mean, i.high);
    }
    EXPECT_EQ(n_known, n_study);
    EXPECT_GE(n_covered, 0.93 * n_study);
    EXPECT_LE(n_covered, 0.97 * n_study);
}

TEST(BootstrapRatio, ProportionalItemsHaveNoSpread) {
    std::vector<double> a, b;
    for (int k = 1; k <= 30; ++k) {
        a.push_back(-0.25 * k);
        b.push_back(k);
    }
    const Interval i = bootstrap_ratio(a, b, 500, 1);
    EXPECT_DOUBLE_EQ(i.mean, -0.25);
    EXPECT_NEAR(i.low, -0.25, 1e-12);
    EXPECT_NEAR(i.high, -0.25, 1e-12);
}

TEST(BootstrapRatio, NothingToDivideByIsNoNumber) {
    std::vector<double> a, b;
    for (int k = 0; k < 30; ++k) {
        a.push_back(1);
        b.push_back(k % 2 == 0 ? 1 : -1);
    }
    const Interval zero = bootstrap_ratio(a, b, 500, 1);
    EXPECT_TRUE(std::isnan(zero.mean) && std::isnan(zero.low) && std::isnan(zero.high));
    b.assign(30, -1);
    EXPECT_TRUE(std::isnan(bootstrap_ratio(a, b, 500, 1).mean));
    b.assign(29, 1);
    error_of(Code::usage, [&] { bootstrap_ratio(a, b, 500, 1); });
}

}  // namespace
}  // namespace tiller
