// What latents and effects say about a direction beforehand: known answers, planted directions, and nothing
// where nothing is.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "methods/predictors.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using Rows = std::vector<std::vector<float>>;

// n pairs of n_layer * n_embd normal numbers; positives are `shift` higher in the first number of each layer.
struct Pairs {
    Rows negative, positive;
};
Pairs planted(int n, int n_layer, int n_embd, double shift, std::uint64_t seed) {
    Random random(seed, "latents");
    Pairs out;
    for (int i = 0; i < n; ++i)
        for (Rows* rows : {&out.negative, &out.positive}) {
            auto& row = rows->emplace_back();
            for (int k = 0; k < n_layer * n_embd; ++k)
                row.push_back(static_cast<float>(random.normal() +
                                                 (rows == &out.positive && k % n_embd == 0 ? shift : 0.0)));
        }
    return out;
}

PairPredictors of_differences(const Rows& positive) {
    const Rows negative(positive.size(), std::vector<float>(positive[0].size(), 0.0f));
    return pair_predictors(negative, positive, static_cast<int>(positive[0].size()));
}

TEST(PairAgreement, IsTheCosineWithTheOthers) {
    // (1, 0) with (1, 1): 1 / sqrt(2), twice; (0, 1) with (2, 0): 0.
    const auto p = of_differences({{1, 0}, {1, 0}, {0, 1}});
    EXPECT_NEAR(p.agreement.mean.value(), 2 / std::sqrt(2.0) / 3, 1e-6);
    EXPECT_NEAR(of_differences({{1, 0}, {0, 1}}).agreement.mean.value(), 0, 1e-6);
    EXPECT_NEAR(of_differences({{1, 2}, {2, 4}, {3, 6}}).agreement.mean.value(), 1, 1e-6);
    EXPECT_NEAR(of_differences({{1, 2}, {-2, -4}}).agreement.mean.value(), -1, 1e-6);
}

TEST(PairAgreement, OfNoiseIsNothing) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const Pairs p = planted(10, 1, 32, 0, seed);
        sum += pair_predictors(p.negative, p.positive, 32).agreement.mean.value();
    }
    // With their own difference among the ten, noise would agree by about 1 / sqrt(10).
    EXPECT_NEAR(sum / 20, 0, 0.05);
}

TEST(PairSeparability, FindsThePlantedDistance) {
    for (const double shift : {1.0, 3.0}) {
        const Pairs p = planted(400, 1, 4, shift, 1);
        EXPECT_NEAR(pair_predictors(p.negative, p.positive, 4).separability.mean.value(), shift, 0.2);
    }
}

TEST(PairSeparability, OfNoiseIsNothing) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const Pairs p = planted(12, 1, 64, 0, seed);
        sum += pair_predictors(p.negative, p.positive, 64).separability.mean.value();
    }
    // Along the mean difference of the very same 12 pairs, noise in 64 dimensions is far apart (d' of 3).
    EXPECT_NEAR(sum / 40, 0, 0.25);
}

TEST(PairPca, ShareOfTheFirstComponent) {
    EXPECT_NEAR(of_differences({{1, 2}, {2, 4}, {5, 10}}).pca_share.mean.value(), 1, 1e-6);
    // Centred rows (-+3, 0) and (0, -+1), twice each: 36 of 40.
    EXPECT_NEAR(of_differences({{3, 0}, {-3, 0}, {3, 0}, {-3, 0}, {0, 1}, {0, -1}, {0, 1}, {0, -1}})
                    .pca_share.mean.value(),
                0.9, 1e-6);
}

TEST(PairPredictors, MeanAndBestOfTheLayers) {
    // Two layers of width 2: agreement 1 and 0.
    const Rows positive = {{1, 0, 1, 0}, {2, 0, 0, 1}}, negative(2, std::vector<float>(4, 0.0f));
    const auto p = pair_predictors(negative, positive, 2);
    EXPECT_NEAR(p.agreement.mean.value(), 0.5, 1e-6);
    EXPECT_NEAR(p.agreement.best.value(), 1, 1e-6);
}

TEST(PairPredictors, TooFewOrEqualTextsHaveNone) {
    EXPECT_FALSE(pair_predictors({}, {}, 2).agreement.mean);
    const auto one = of_differences({{1, 2}});
    EXPECT_FALSE(one.agreement.mean || one.separability.mean || one.pca_share.mean);
    const auto two = of_differences({{1, 2}, {2, 1}});
    EXPECT_TRUE(two.agreement.mean);
    EXPECT_FALSE(two.separability.mean || two.pca_share.mean);
    const auto equal = of_differences(Rows(6, {0, 0}));
    EXPECT_FALSE(equal.agreement.mean || equal.separability.mean || equal.pca_share.mean);
}

TEST(PairPredictors, StandInTheVectorsSettings) {
    SteeringVector v;
    const Pairs p = planted(8, 2, 4, 1, 3);
    const auto found = pair_predictors(p.negative, p.positive, 4);
    set_predictors(v, found);
    EXPECT_EQ(v.provenance.settings.size(), 6u);
    EXPECT_NEAR(std::stod(v.provenance.settings.at("predictor.agreement")), *found.agreement.mean, 1e-5);
    EXPECT_NEAR(std::stod(v.provenance.settings.at("predictor.separability_best")), *found.separability.best,
                1e-4);
    SteeringVector none;
    set_predictors(none, of_differences({{1, 2}}));
    EXPECT_TRUE(none.provenance.settings.empty());
}

TEST(AieConcentration, KnownValues) {
    std::vector<std::vector<float>> aie(4, std::vector<float>(10, 0.5f));  // 40 heads alike
    EXPECT_NEAR(aie_predictors(aie)->top_share, 0.25, 1e-12);
    EXPECT_NEAR(aie_predictors(aie)->gini, 0, 1e-12);
    for (auto& layer : aie) layer.assign(10, -0.5f);  // negative effects count as none
    EXPECT_FALSE(aie_predictors(aie));
    aie[2][7] = 0.25f;  // one head of 40
    EXPECT_NEAR(aie_predictors(aie)->top_share, 1, 1e-12);
    EXPECT_NEAR(aie_predictors(aie)->gini, 1 - 1.0 / 40, 1e-12);
    // 1, 3: Gini of two values is |3 - 1| / (2 * 4).
    EXPECT_NEAR(aie_predictors({{1.0f}, {3.0f}})->gini, 0.25, 1e-12);
    EXPECT_EQ(aie_predictors({{1.0f}, {3.0f}})->top_share, 1);
    EXPECT_FALSE(aie_predictors({}));
}

}  // namespace
}  // namespace tiller
