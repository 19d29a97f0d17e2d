// What draws stand on: the strength of a control, the curve of the second judge, the adjustment of tests.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "protocols/tuned/controls.h"
#include "study/adjust.h"
#include "study/broken_texts.h"
#include "study/phrases.h"
#include "study/second_judge.h"

namespace tiller::study {
namespace {

TEST(StrengthOfDose, LiesOnTheLineThroughTheLogarithms) {
    const std::vector<double> strengths = {0.5, 1, 2, 4}, doses = {0.1, 0.4, 1.6, 6.4};  // dose = 0.4 s^2
    for (const double s : {0.5, 0.7, 1.0, 3.0, 4.0})
        EXPECT_NEAR(strength_of_dose(0.4 * s * s, strengths, doses, 1), s, 1e-12);
    EXPECT_NEAR(strength_of_dose(0.4 * 0.01, strengths, doses, 1), 0.1, 1e-12) << "below: a square";
    EXPECT_EQ(strength_of_dose(100, strengths, doses, 1), 4) << "above: the strongest that was tried";
}

TEST(StrengthOfDose, BrokenRowsAreNoDose) {
    EXPECT_EQ(strength_of_dose(2, {1, 2, 4}, {0.5, 1, NAN}, 9), 2);
    EXPECT_EQ(strength_of_dose(2, {1, 2}, {NAN, NAN}, 9), 9);
    EXPECT_NEAR(strength_of_dose(2, {1, 2, 4}, {NAN, 1, 4}, 9), 2 * std::sqrt(2), 1e-12);
}

TEST(LogisticCurve, FindsItsParameters) {
    std::vector<double> x;
    std::vector<bool> right;
    // At each x, exactly the share of 1 / (1 + exp(-(1 + 2 x))) of 1000 values is right.
    for (const double at : {-2.0, -1.0, 0.0, 1.0}) {
        const double share = 1 / (1 + std::exp(-(1 + 2 * at)));
        for (int i = 0; i < 1000; ++i) x.push_back(at), right.push_back(i < 1000 * share);
    }
    const auto [offset, slope] = logistic_curve(x, right);
    EXPECT_NEAR(offset, 1, 0.02);
    EXPECT_NEAR(slope, 2, 0.02);
}

TEST(LogisticCurve, SeparableValuesGiveAFiniteOne) {
    const std::vector<double> x = {-2, -1, 1, 2};
    const auto [offset, slope] = logistic_curve(x, {false, false, true, true});
    EXPECT_TRUE(std::isfinite(offset) && std::isfinite(slope));
    EXPECT_GT(slope, 1);
}

TEST(PerplexityLimit, IsTwentyTimesTheZeroShotTexts) {
    EXPECT_DOUBLE_EQ(perplexity_limit(std::vector<double>{1, 2, 3}), 5);
    EXPECT_EQ(perplexity_limit({}), INFINITY) << "nothing to compare with is no verdict";
}

SettingSummary setting(const std::string& id, const std::string& method, Kind kind) {
    SettingSummary s;
    s.id = id, s.method = method, s.kind = kind;
    return s;
}

PairSummary pair(const std::string& a, const std::string& b, double mean, double p) {
    PairSummary out;
    out.a = a, out.b = b, out.difference = {mean, mean - 0.1, mean + 0.1}, out.p = p;
    return out;
}

TaskSummary task() {
    TaskSummary t;
    t.test = {setting("zero-shot", "none", Kind::baseline),  setting("fv-chosen", "fv", Kind::chosen),
              setting("fv-random", "random", Kind::control), setting("fv-shuffled", "random", Kind::control),
              setting("icv-chosen", "icv", Kind::chosen),    setting("icv-random", "random", Kind::control)};
    t.pairs = {pair("fv-chosen", "icv-chosen", 0.2, 0.04), pair("fv-chosen", "zero-shot", 0.4, 0.001),
               pair("fv-chosen", "fv-random", 0.3, 0.012), pair("fv-chosen", "fv-shuffled", 0.3, 0.02),
               pair("icv-chosen", "zero-shot", 0.2, 0.03), pair("icv-chosen", "icv-random", 0.2, 0.04)};
    return t;
}

TEST(Adjust, AMethodWorksWhereItIsAboveAll) {
    TaskSummary t = task();
    adjust(t);
    // The greatest p of each: 0.02 and 0.04; Holm over the two methods.
    EXPECT_DOUBLE_EQ(*t.find("fv-chosen")->p_works, 0.04);
    EXPECT_DOUBLE_EQ(*t.find("icv-chosen")->p_works, 0.04);
    EXPECT_TRUE(works(*t.find("fv-chosen")));
    EXPECT_FALSE(t.find("fv-random")->p_works) << "not asked of a control";
    t = task();
    t.pairs[3].difference.mean = -0.1;  // below its shuffled labels, however surely
    t.pairs[3].p = 1e-9;
    adjust(t);
    EXPECT_DOUBLE_EQ(*t.find("fv-chosen")->p_works, 1);
    EXPECT_FALSE(works(*t.find("fv-chosen")));
}

TEST(Adjust, NothingIsSaidOfAMethodThatHasNoOpponent) {
    TaskSummary t = task();
    t.test.push_back(setting("repe-chosen", "repe", Kind::chosen));
    adjust(t);
    EXPECT_FALSE(t.find("repe-chosen")->p_works);
    EXPECT_DOUBLE_EQ(*t.find("fv-chosen")->p_works, 0.04) << "and the others do not pay for it";
}

// Which method is better is one question, what is above zero-shot another, controls a third.
TEST(Adjust, QuestionsDoNotPayForEachOther) {
    TaskSummary t = task();
    adjust(t);
    EXPECT_DOUBLE_EQ(t.pairs[0].p_holm, 0.04) << "the only pair of methods";
    EXPECT_DOUBLE_EQ(t.pairs[1].p_holm, 0.002);
    EXPECT_DOUBLE_EQ(t.pairs[4].p_holm, 0.03);
    EXPECT_DOUBLE_EQ(t.pairs[2].p_holm, 0.036) << "three comparisons with controls";
    EXPECT_DOUBLE_EQ(t.pairs[3].p_holm, 0.04);
    EXPECT_DOUBLE_EQ(t.pairs[5].p_holm, 0.04);
}

}  // namespace
}  // namespace tiller::study
