// Doses: divergence against arithmetic by hand, the search for strengths on known curves, slopes, the plan's
// table [dose], the choice of the dose at which methods are compared.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "engine/shift.h"
#include "protocols/dose/dose.h"
#include "test_tasks_files.h"
#include "tiller/study.h"

namespace tiller {
namespace {

using study::DoseFit;
using study::DoseOutcome;
using study::DoseRange;
using study::DoseSearch;
using study::find_doses;
using test::error_of;
using test::expect_parts;

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(Shift, IsTheDivergenceFromTheUnsteered) {
    // Probabilities 0.5, 0.25, 0.25 against 0.8, 0.1, 0.1, each up to a constant of its logits.
    const std::vector<float> steered = {std::log(0.5f) + 3, std::log(0.25f) + 3, std::log(0.25f) + 3};
    const std::vector<float> unsteered = {std::log(0.8f) - 2, std::log(0.1f) - 2, std::log(0.1f) - 2};
    const auto shift = engine::shift_of(steered, unsteered);
    EXPECT_NEAR(shift.kl, 0.5 * std::log(0.5 / 0.8) + 0.5 * std::log(0.25 / 0.1), 1e-6);
    EXPECT_NEAR(shift.entropy, 1.5 * std::log(2.0), 1e-6);
    // Not symmetric.
    EXPECT_NEAR(engine::shift_of(unsteered, steered).kl,
                0.8 * std::log(0.8 / 0.5) + 0.2 * std::log(0.1 / 0.25), 1e-6);
}

TEST(Shift, OfEqualLogitsIsNothing) {
    const std::vector<float> logits = {12.5f, -3.25f, 0.1f, 7};
    EXPECT_EQ(engine::shift_of(logits, logits).kl, 0);
    EXPECT_EQ(engine::shift_of(std::vector<float>{5, 5}, std::vector<float>{1, 1}).kl, 0);
}

TEST(Shift, LargeAndImpossibleLogits) {
    const float never = -std::numeric_limits<float>::infinity();
    // What steering rules out adds nothing; what it alone allows is infinitely surprising.
    const auto out = engine::shift_of(std::vector<float>{1000, never}, std::vector<float>{0, 0});
    EXPECT_NEAR(out.kl, std::log(2.0), 1e-12);
    EXPECT_EQ(out.entropy, 0);
    EXPECT_EQ(engine::shift_of(std::vector<float>{0, 0}, std::vector<float>{1000, never}).kl, infinite);
    expect_parts(error_of(Code::usage,
                          [] {
                              engine::shift_of(std::vector<float>{1, 2}, std::vector<float>{1});
                          }),
                 {"2", "1", "vocabulary"});
}

// Measures a known curve and counts.
struct Curve {
    double (*of)(double);
    int n_call = 0;
    std::vector<double> operator()(std::span<const double> strengths) {
        ++n_call;
        std::vector<double> out;
        for (const double s : strengths) out.push_back(of(s));
        return out;
    }
};

TEST(FindDoses, HitsReachableTargetsWithinTheTolerance) {
    const std::vector<double> targets = {0.25, 0.5, 1, 2, 4};
    for (const double tolerance : {0.05, 0.005}) {
        Curve curve{[](double s) { return 0.3 * s * s; }};
        const DoseSearch search = find_doses(targets, {0.125, 256, 30, tolerance},
                                             [&](auto strengths) { return curve(strengths); });
        ASSERT_EQ(search.fits.size(), targets.size());
        for (std::size_t t = 0; t < targets.size(); ++t) {
            const DoseFit& fit = search.fits[t];
            EXPECT_EQ(fit.outcome, DoseOutcome::reached) << fit.target;
            EXPECT_NEAR(fit.point.dose, targets[t], tolerance * targets[t]);
            EXPECT_EQ(fit.point.dose, curve.of(fit.point.strength));
            EXPECT_NEAR(fit.point.strength, std::sqrt(targets[t] / 0.3), tolerance * fit.point.strength);
        }
        // The ladder does not go on behind the highest target, and all targets are bisected together.
        EXPECT_LE(curve.n_call, 6 + 10);
        std::set<double> strengths;
        for (const auto& point : search.points) strengths.insert(point.strength);
        EXPECT_EQ(strengths.size(), search.points.size());  // none twice
    }
}

TEST(FindDoses, BelowTheFirstRung) {
    Curve curve{[](double s) { return 100 * s; }};
    const auto search = find_doses(std::vector<double>{0.1, 1}, {0.125, 256, 20, 0.05},
                                   [&](auto strengths) { return curve(strengths); });
    for (const auto& fit : search.fits) EXPECT_EQ(fit.outcome, DoseOutcome::reached);
    EXPECT_NEAR(search.fits[0].point.strength, 0.001, 0.0001);
}

TEST(FindDoses, SaysWhatSaturates) {
    // As the norm-preserving turn: however strong, no more than 1.5 nats.
    Curve curve{[](double s) { return 1.5 * s / (1 + s); }};
    const auto search = find_doses(std::vector<double>{0.5, 1, 2}, {0.125, 64, 20, 0.05},
                                   [&](auto strengths) { return curve(strengths); });
    EXPECT_EQ(search.fits[0].outcome, DoseOutcome::reached);
    EXPECT_EQ(search.fits[1].outcome, DoseOutcome::reached);
    EXPECT_EQ(search.fits[2].outcome, DoseOutcome::saturates);
    EXPECT_EQ(search.fits[2].point.strength, 64);
    EXPECT_NEAR(search.fits[2].point.dose, 1.5 * 64 / 65, 1e-12);
    for (const auto& point : search.points) EXPECT_LE(point.strength, 64);
}

TEST(FindDoses, SaysWhatJumps) {
    Curve curve{[](double s) { return s < 3 ? 0.1 * s : 5.0; }};
    const auto search = find_doses(std::vector<double>{0.2, 2}, {0.125, 64, 40, 0.05},
                                   [&](auto strengths) { return curve(strengths); });
    EXPECT_EQ(search.fits[0].outcome, DoseOutcome::reached);
    EXPECT_EQ(search.fits[1].outcome, DoseOutcome::jumps);
    EXPECT_NEAR(search.fits[1].point.strength, 3, 1e-6);
    EXPECT_NEAR(search.fits[1].point.dose, 0.3, 1e-6);
}

// Rows that break have no dose: what lies below is still found, what lies beyond is not made up.
TEST(FindDoses, BrokenRowsEndTheLadder) {
    Curve curve{[](double s) { return s < 5 ? s : infinite; }};
    const auto search = find_doses(std::vector<double>{1, 4.5, 20}, {0.125, 1024, 40, 0.02},
                                   [&](auto strengths) { return curve(strengths); });
    EXPECT_EQ(search.fits[0].outcome, DoseOutcome::reached);
    EXPECT_EQ(search.fits[1].outcome, DoseOutcome::reached);
    EXPECT_EQ(search.fits[2].outcome, DoseOutcome::jumps);
    EXPECT_NEAR(search.fits[2].point.dose, 5, 1e-6);
    for (const auto& point : search.points) EXPECT_LE(point.strength, 8);
}

TEST(FindDoses, NothingButARest) {
    Curve curve{[](double) { return 0.0; }};
    const auto search = find_doses(std::vector<double>{1}, {0.125, 1, 40, 0.05},
                                   [&](auto strengths) { return curve(strengths); });
    EXPECT_EQ(search.fits[0].outcome, DoseOutcome::saturates);
    EXPECT_EQ(search.fits[0].point.dose, 0);
    EXPECT_EQ(curve.n_call, 4);  // 1/8, 1/4, 1/2, 1
}

TEST(Slope, IsThePlantedOne) {
    const std::vector<double> x = {0, 0.25, 0.5, 1, 2, 4};
    std::vector<double> y;
    for (const double v : x) y.push_back(-3 + 0.75 * v);
    EXPECT_NEAR(least_squares_slope(x, y), 0.75, 1e-12);
    y = {0, 0, 0, 0, 0, 0};
    EXPECT_EQ(least_squares_slope(x, y), 0);
    // By the normal equations: points (0, 0), (1, 2), (2, 1).
    EXPECT_NEAR(least_squares_slope(std::vector<double>{0, 1, 2}, std::vector<double>{0, 2, 1}), 0.5, 1e-12);
    error_of(Code::usage, [] { least_squares_slope(std::vector<double>{1}, std::vector<double>{1}); });
    error_of(Code::usage, [] { least_squares_slope(std::vector<double>{1, 1}, std::vector<double>{1, 2}); });
}

const study::Protocol& dose() { return *study::find_protocol("dose"); }

// A setting at a dose with a score, damage and collapse.
SettingSummary at_dose(const std::string& method, double target, double damage, double collapsed = 0) {
    SettingSummary s;
    s.id = method + " dose=" + std::to_string(target);
    s.method = method;
    s.kind = Kind::dose;
    s.setting = {{"target", target}};
    s.metrics["damage"] = plain_number(damage);
    s.metrics["collapsed"] = plain_number(collapsed);
    return s;
}

TEST(Contest, IsAtTheLargestDoseWithinTheLimits) {
    const Plan plan = default_plan("dose");
    TaskSummary t;
    t.test = {at_dose("fv", 1, 0.02), at_dose("icv", 1, 0.1), at_dose("fv", 2, 0.05), at_dose("icv", 2, 0.3),
              at_dose("mean-diff", 2, 0.4)};
    auto contests = study::dose_contests(plan, t);
    ASSERT_TRUE(contests.limited);
    EXPECT_EQ(contests.limited->target, 1);  // at 2 nats only one keeps within
    EXPECT_EQ(contests.limited->within.size(), 2u);
    EXPECT_TRUE(contests.limited->beyond.empty());
    ASSERT_TRUE(contests.largest);
    EXPECT_EQ(contests.largest->target, 2);
    EXPECT_EQ(contests.largest->within.size(), 3u);
    t.test[3] = at_dose("icv", 2, 0.1);
    contests = study::dose_contests(plan, t);
    EXPECT_EQ(contests.limited->target, 2);
    EXPECT_EQ(contests.limited->within.size(), 2u);
    ASSERT_EQ(contests.limited->beyond.size(), 1u);
    EXPECT_EQ(contests.limited->beyond[0]->method, "mean-diff");
    EXPECT_TRUE(contests.largest);  // there the third counts too
    t.test.pop_back();
    EXPECT_FALSE(study::dose_contests(plan, t).largest);  // would be the same once more
    t.test[3] = at_dose("icv", 2, 0.1, 0.2);              // collapses
    EXPECT_EQ(study::dose_contests(plan, t).limited->target, 1);
    t.test = {at_dose("fv", 1, 0.02), at_dose("icv", 1, 0.5), at_dose("fv", 2, 0.05)};
    EXPECT_EQ(study::dose_contests(plan, t).limited->target, 2);  // alone
    t.test = {at_dose("fv", 1, 0.2)};
    EXPECT_FALSE(study::dose_contests(plan, t).limited);
    expect_parts(dose().verdict(plan, t),
                 {"No method keeps", "10 points", "at 1 nat,", "FV 20", "ICV 0.25, 0.5, 1, 2, 4, 8 nats"});
    t.test.clear();
    expect_parts(dose().verdict(plan, t), {"No method reaches a dose"});
}

// Who is ahead depends on the adjusted p, not on the scores alone.
TEST(Contest, AheadIsWhatTheTestSays) {
    const Plan plan = default_plan("dose");
    TaskSummary t;
    t.primary = "first_token";
    t.test = {at_dose("fv", 1, 0), at_dose("icv", 1, 0)};
    t.test[0].metrics["first_token"] = plain_number(0.2);
    t.test[1].metrics["first_token"] = plain_number(0.7);
    PairSummary pair{t.test[0].id, t.test[1].id, {-0.5, -0.7, -0.3}, 1, 11, 0.01, 0.03};
    t.pairs = {pair};
    expect_parts(dose().verdict(plan, t), {"ICV (70 %) ahead of FV (20 %) by 50 points (95 % 30 to 70"});
    t.pairs[0].p_holm = 0.06;
    expect_parts(dose().verdict(plan, t), {"no difference shown between ICV (70 %) and FV (20 %)"});
    t.test[0].metrics["damage"] = plain_number(0.5);
    expect_parts(dose().verdict(plan, t), {"ICV (70 %) alone.", "Beyond the limits there: FV (20 %)."});
    t.pairs[0].p_holm = 0.03;
    expect_parts(dose().verdict(plan, t), {"Beyond the limits there: FV (20 %, worse than ICV)."});
}

// In the findings as well, a method beyond the limits counts as compared with.
TEST(Contest, FindingsCountTasks) {
    Plan plan = default_plan("dose");
    plan.controls = false;
    Summary s;
    s.tasks.emplace_back();
    TaskSummary& t = s.tasks[0];
    t.family = Family::functional;
    t.primary = "first_token";
    t.test = {at_dose("fv", 1, 0), at_dose("icv", 1, 0.5)};
    t.test[0].metrics["first_token"] = plain_number(0.7);
    t.test[1].metrics["first_token"] = plain_number(0.2);
    t.pairs = {{t.test[0].id, t.test[1].id, {0.5, 0.3, 0.7}, 11, 1, 0.01, 0.03}};
    auto found = dose().findings(plan, s);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"1 precise-answer task,", "FV on 1, ICV on 0; none shown to be on 0"});
    t.pairs[0].p_holm = 0.2;
    found = dose().findings(plan, s);
    expect_parts(found[0], {"FV on 0, ICV on 0; none shown to be on 1"});
    expect_parts(found[1], {"FV on 0, ICV on 0; none shown to be on 1"});
    t.test.pop_back();
    expect_parts(dose().findings(plan, s)[0], {"no two methods can be compared"});
}

class DosePlanFile : public testing::Test {
protected:
    Plan load(const std::string& text) const { return load_plan(folder.write("plan.toml", text)); }
    void refuses(const std::string& text, std::initializer_list<const char*> parts) const {
        const std::string said =
            error_of(Code::bad_input, [&] { load("protocol = \"dose\"\ntasks = [\"antonym\"]\n" + text); });
        expect_parts(said, parts);
    }
    test::ScratchFolder folder;
};

TEST_F(DosePlanFile, EveryFieldSurvivesTheRoundTrip) {
    Plan plan = default_plan("dose");
    EXPECT_EQ(plan_toml(load("protocol = \"dose\"\n")), plan_toml(plan));
    plan.dose = {{0.1, 3}, "paper", 7, 0.125, 32, {"antonym", "synonym"}, 9, 2, 0.25};
    const Plan read = load(plan_toml(plan));
    EXPECT_EQ(plan_toml(read), plan_toml(plan));
    EXPECT_EQ(read.dose.targets, plan.dose.targets);
    EXPECT_EQ(read.dose.unrelated, plan.dose.unrelated);
    EXPECT_EQ(read.dose.n_shot_unrelated, 2);
    EXPECT_EQ(plan_toml(Plan{}).find("[dose]"), std::string::npos);
}

TEST_F(DosePlanFile, RefusalsNameLineAndKey) {
    refuses("methods = []\n", {"line 3", "methods", "empty"});
    refuses("[dose]\ntargets = []\n", {"line 4", "dose.targets", "empty"});
    refuses("[dose]\ntargets = [0]\n", {"line 4", "dose.targets", "0", "above 0"});
    refuses("[dose]\ntargets = [1, nan]\n", {"line 4", "dose.targets", "nan"});
    refuses("[dose]\ntargets = [2, 1]\n", {"line 4", "dose.targets", "rising"});
    refuses("[dose]\ntargets = [1, 1.0]\n", {"line 4", "dose.targets", "rising"});
    refuses("[dose]\nplace = \"best\"\n", {"line 4", "dose.place", "best", "chosen"});
    refuses("[dose]\nn_bisection = 0\n", {"line 4", "dose.n_bisection", "0"});
    refuses("[dose]\ntolerance = 0\n", {"line 4", "dose.tolerance", "0.001"});
    refuses("[dose]\nmax_factor = inf\n", {"line 4", "dose.max_factor", "inf"});
    refuses("[dose]\nn_unrelated = 1\n", {"line 4", "dose.n_unrelated", "1"});
    refuses("[dose]\nn_shot_unrelated = -1\n", {"line 4", "dose.n_shot_unrelated", "-1"});
    refuses("[dose]\ndamage_limit = 1.5\n", {"line 4", "dose.damage_limit", "1.5"});
    refuses("[dose]\nunrelated = [\"capitalize\", \"capitalize\"]\n", {"line 4", "dose.unrelated", "twice"});
    refuses("[dose]\nunrelated = [\"antonym\"]\n", {"line 4", "dose.unrelated", "antonym"});
    refuses("[dose]\nunrelated = [\"elsewhere/antonym.json\"]\n", {"line 4", "dose.unrelated", "antonym"});
    refuses("[paper]\nshots = [0]\n", {"line 3", "[paper]"});
}

TEST_F(DosePlanFile, TheUnrelatedTaskIsAnother) {
    const Plan plan = default_plan("dose");
    EXPECT_EQ(study::unrelated_name(plan, "antonym"), "capitalize");
    EXPECT_EQ(study::unrelated_name(plan, "capitalize"), "present-past");
}

}  // namespace
}  // namespace tiller
