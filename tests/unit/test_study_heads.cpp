// Overlap of sets of heads, heads that tasks share, and scores of a sweep, against numbers worked out by
// hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tiller/error.h"
#include "tiller/statistics.h"
#include "tiller/universal_heads.h"

namespace tiller {
namespace {

TEST(Jaccard, CountsSharedHeadsOverAll) {
    const std::vector<HeadEffect> a = {{0, 1, 0.5f}, {1, 0, 0.2f}, {2, 3, 0.1f}};
    const std::vector<HeadEffect> b = {{2, 3, 0.9f}, {0, 1, 0.1f}, {1, 1, 0.1f}, {5, 5, 0}};
    EXPECT_DOUBLE_EQ(jaccard(a, b), 2.0 / 5.0);
    EXPECT_DOUBLE_EQ(jaccard(b, a), 2.0 / 5.0);
    EXPECT_DOUBLE_EQ(jaccard(a, a), 1);
    EXPECT_DOUBLE_EQ(jaccard(a, {}), 0);
    EXPECT_DOUBLE_EQ(jaccard({}, {}), 1);
    // The same head named twice is one head.
    EXPECT_DOUBLE_EQ(jaccard(a, std::vector<HeadEffect>{{0, 1, 0}, {0, 1, 0}}), 1.0 / 3.0);
}

TEST(CommonHeads, AreSortedByTasksThenEffect) {
    // Top 2 of the tasks: {0.0, 1.1}, {1.1, 0.1}, {0.1, 1.0}.
    const std::vector<std::vector<std::vector<float>>> aie = {
        {{0.5f, 0.0f}, {0.1f, 0.4f}}, {{0.0f, 0.25f}, {0.0f, 0.5f}}, {{-0.2f, 0.5f}, {0.4f, 0.0f}}};
    const auto heads = common_heads(aie, 2);
    ASSERT_EQ(heads.size(), 4u);
    const int expected[][3] = {{1, 1, 2}, {0, 1, 2}, {1, 0, 1}, {0, 0, 1}};
    const double means[] = {0.9 / 3, 0.75 / 3, 0.5 / 3, 0.3 / 3};
    for (std::size_t i = 0; i < heads.size(); ++i) {
        EXPECT_EQ(heads[i].layer, expected[i][0]) << i;
        EXPECT_EQ(heads[i].head, expected[i][1]) << i;
        EXPECT_EQ(heads[i].n_task, expected[i][2]) << i;
        EXPECT_NEAR(heads[i].mean_aie, means[i], 1e-6) << i;
    }
    EXPECT_EQ(common_heads(aie, 100).size(), 4u);
}

TEST(CommonHeads, RefusesWhatCannotBeCompared) {
    const std::vector<std::vector<std::vector<float>>> one = {{{0.5f, 0.0f}}},
                                                       two = {{{0.5f}}, {{0.5f, 0.1f}}};
    EXPECT_THROW(common_heads({}, 2), Error);
    EXPECT_THROW(common_heads(one, 0), Error);
    EXPECT_THROW(common_heads(two, 1), Error);
}

TEST(SweepScores, AreOverTheKeptItemsThatHaveANumber) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const ItemScores items = {{1, 0, 0, 1}, {-0.5, -2, nan, -0.25}};
    const SweepScore all = sweep_score(items, {}, 200, 3);
    EXPECT_EQ(all.n, 4);
    EXPECT_EQ(all.n_broken, 1);
    EXPECT_DOUBLE_EQ(all.first_token.mean, 0.5);
    EXPECT_DOUBLE_EQ(all.logprob.mean, -2.75 / 3);
    const auto interval = bootstrap_mean(std::vector<double>{1, 0, 0, 1}, Scale::hit, 200, 3);
    EXPECT_DOUBLE_EQ(all.first_token.low, interval.low);
    EXPECT_DOUBLE_EQ(all.first_token.high, interval.high);
    const SweepScore kept = sweep_score(items, {true, true, false, false}, 200, 3);
    EXPECT_EQ(kept.n, 2);
    EXPECT_EQ(kept.n_broken, 0);
    EXPECT_DOUBLE_EQ(kept.first_token.mean, 0.5);
    EXPECT_DOUBLE_EQ(kept.logprob.mean, -1.25);
    EXPECT_EQ(sweep_score(items, {false, false, false, false}, 200, 3).n, 0);
}

TEST(BestCell, PrefersHitsThenLogprobThenTheFirst) {
    const auto cell = [](double hits, double logprob, int n_broken = 0) {
        SweepCell c;
        c.all.first_token.mean = hits, c.all.logprob.mean = logprob, c.all.n_broken = n_broken;
        return c;
    };
    EXPECT_EQ(best_cell({cell(0.2, -1), cell(0.5, -3), cell(0.5, -2), cell(0.5, -2)}), 2u);
    EXPECT_EQ(best_cell({cell(0.5, -1, 3), cell(0.5, -9)}), 1u);
    EXPECT_THROW(best_cell({}), Error);
}

}  // namespace
}  // namespace tiller
