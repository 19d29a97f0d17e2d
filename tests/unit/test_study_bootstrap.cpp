// Bootstrap intervals: known answers, determinism, and that 95 % means 95 %.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "test_tasks_files.h"
#include "tiller/study.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;

TEST(Bootstrap, ConstantValuesHaveNoSpread) {
    const std::vector<double> values(7, 2.5);
    const Interval i = bootstrap_mean(values, 500, 3);
    EXPECT_EQ(i.mean, 2.5);
    EXPECT_EQ(i.low, 2.5);
    EXPECT_EQ(i.high, 2.5);
}

TEST(Bootstrap, NothingIsZero) {
    const Interval i = bootstrap_mean({}, 500, 3);
    EXPECT_EQ(i.mean, 0);
    EXPECT_EQ(i.low, 0);
    EXPECT_EQ(i.high, 0);
}

TEST(Bootstrap, OneValueIsItsOwnInterval) {
    const std::vector<double> values = {-4.25};
    const Interval i = bootstrap_mean(values, 500, 3);
    EXPECT_EQ(i.mean, -4.25);
    EXPECT_EQ(i.low, -4.25);
    EXPECT_EQ(i.high, -4.25);
}

// Resamples of {0, 1} have the mean 0, 1/2 or 1, the ends with probability 1/4 each: the percentiles are the
// ends.
TEST(Bootstrap, TwoValuesReachBothEnds) {
    const std::vector<double> values = {0, 1};
    const Interval i = bootstrap_mean(values, 1000, 3);
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
    const Interval i = bootstrap_mean(values, 4000, 8);
    EXPECT_DOUBLE_EQ(i.mean, mean);
    EXPECT_NEAR(i.low, mean - 1.96 * error, 0.12 * error);
    EXPECT_NEAR(i.high, mean + 1.96 * error, 0.12 * error);
}

TEST(Bootstrap, SeedDecides) {
    std::vector<double> values;
    Random random(1, "values");
    for (int k = 0; k < 40; ++k) values.push_back(random.normal());
    const Interval a = bootstrap_mean(values, 300, 7), b = bootstrap_mean(values, 300, 7),
                   c = bootstrap_mean(values, 300, 8);
    EXPECT_EQ(a.low, b.low);
    EXPECT_EQ(a.high, b.high);
    EXPECT_TRUE(a.low != c.low || a.high != c.high);
    EXPECT_EQ(a.mean, c.mean);
}

// The order of items may change the resamples, but neither the mean nor, much, the interval.
TEST(Bootstrap, OrderOfItemsDoesNotMatter) {
    std::vector<double> values;
    for (int k = 0; k < 64; ++k) values.push_back(k % 5);  // sums are exact in any order
    const Interval a = bootstrap_mean(values, 4000, 7);
    std::sort(values.begin(), values.end());
    const Interval b = bootstrap_mean(values, 4000, 7);
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
    const Interval d = bootstrap_difference(a, b, 500, 1);
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
    const Interval ab = bootstrap_difference(a, b, 501, 1), ba = bootstrap_difference(b, a, 501, 1);
    EXPECT_DOUBLE_EQ(ab.mean, -ba.mean);
    EXPECT_NEAR(ab.low, -ba.high, 1e-2);
    EXPECT_NEAR(ab.high, -ba.low, 1e-2);
}

TEST(Bootstrap, SidesOfDifferentLengthAreRefused) {
    const std::vector<double> a = {1, 2, 3}, b = {1, 2};
    const auto text = error_of(Code::usage, [&] { bootstrap_difference(a, b, 500, 1); });
    test::expect_parts(text, {"3", "2"});
}

// --- Coverage by simulation: data sets of 40 draws, fixed seeds
// ----------------------------------------------

constexpr int n_set = 1000, n_item = 40, n_resample = 600;

template <class Draw>
double coverage(double truth, const char* stream, Draw draw) {
    Random random(5, stream);
    int covered = 0;
    for (int s = 0; s < n_set; ++s) {
        std::vector<double> values;
        for (int k = 0; k < n_item; ++k) values.push_back(draw(random));
        const Interval i = bootstrap_mean(values, n_resample, static_cast<std::uint64_t>(s));
        covered += i.low <= truth && truth <= i.high;
    }
    return static_cast<double>(covered) / n_set;
}

TEST(BootstrapCoverage, MeanOfNormalDraws) {
    const double share = coverage(0.3, "normal", [](Random& r) { return 0.3 + 2 * r.normal(); });
    EXPECT_GE(share, 0.92);
    EXPECT_LE(share, 0.97);
}

TEST(BootstrapCoverage, ShareOfRightAnswers) {
    const double share = coverage(0.4, "bernoulli", [](Random& r) { return r.uniform() < 0.4 ? 1.0 : 0.0; });
    EXPECT_GE(share, 0.92);
    EXPECT_LE(share, 0.97);
}

TEST(BootstrapCoverage, EqualSidesAreSeldomToldApart) {
    // The percentile method is a little narrow on 40 items: 6 % in the long run. More sets than above: 1000
    // would leave an error of 0.8 %.
    constexpr int n_pair_set = 2000;
    Random random(6, "equal sides");
    int excluded = 0;
    for (int s = 0; s < n_pair_set; ++s) {
        std::vector<double> a, b;
        for (int k = 0; k < n_item; ++k) {
            const double item = random.normal();  // what both sides share
            a.push_back(item + random.normal());
            b.push_back(item + random.normal());
        }
        const Interval d = bootstrap_difference(a, b, n_resample, static_cast<std::uint64_t>(s));
        excluded += d.low > 0 || d.high < 0;
    }
    EXPECT_LE(excluded, n_pair_set * 7 / 100);
    EXPECT_GE(excluded, n_pair_set * 2 / 100);  // an interval that never excludes 0 says nothing
}

}  // namespace
}  // namespace tiller
