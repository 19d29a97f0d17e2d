// Sentences of a summary: each case of the numbers gives its own words.
#include <gtest/gtest.h>

#include <string>

#include "study/verdict.h"
#include "test_tasks_files.h"

namespace tiller::study {
namespace {

using test::expect_parts;

constexpr double limit = 0.05;

SettingSummary setting(const std::string& id, const std::string& method, const std::string& metric,
                       double mean) {
    SettingSummary s;
    s.id = id;
    s.label = id + " label";
    s.method = method;
    s.n = 10;
    s.metrics[metric] = {mean, mean, mean};
    return s;
}

/// zero-shot 10 %, 10-shot 80 %, random 12 %, FV and ICV as given; both above random; the difference FV - ICV
/// as given.
TaskSummary task_of(double fv, double icv, Interval difference, const std::string& metric = "first_token") {
    TaskSummary t;
    t.model = "m";
    t.name = "t";
    t.family = metric == "style" ? "behavioural" : "functional";
    t.primary = metric;
    t.test = {setting("zero-shot", "none", metric, 0.1), setting("10-shot", "prompt", metric, 0.8),
              setting("fv-chosen", "fv", metric, fv), setting("icv-chosen", "icv", metric, icv),
              setting("fv-random", "random", metric, 0.12)};
    t.test[2].difference = {{"icv-chosen", difference}, {"random", {0.3, 0.2, 0.4}}};
    t.test[3].difference = {{"random", {0.3, 0.2, 0.4}}};
    return t;
}

void expect_without(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts)
        EXPECT_EQ(text.find(part), std::string::npos) << "\"" << part << "\" in: " << text;
}

TEST(Verdict, FvBetter) {
    const auto text = verdict(task_of(0.75, 0.25, {0.5, 0.31, 0.69}), limit);
    expect_parts(text, {"FV better by 50 points (95 % 31 to 69)",
                        "first-token accuracy 75 % against 25 % for ICV", "zero-shot 10 %", "10-shot 80 %"});
    expect_without(text, {"ICV better", "No difference", "random", "collapse"});
}

TEST(Verdict, IcvBetter) {
    const auto text = verdict(task_of(0.2, 0.6, {-0.4, -0.55, -0.21}, "style"), limit);
    expect_parts(text, {"ICV better by 40 points (95 % 21 to 55)", "style score 60 % against 20 % for FV"});
    expect_without(text, {"FV better", "No difference"});
}

TEST(Verdict, NoDifference) {
    for (const Interval& d :
         {Interval{0.1, -0.05, 0.25}, Interval{0.1, 0, 0.25}, Interval{-0.1, -0.2, 0}, Interval{}}) {
        const auto text = verdict(task_of(0.5, 0.4, d), limit);
        expect_parts(text, {"No difference shown between FV (50 %) and ICV (40 %)"});
        expect_without(text, {"better"});
    }
}

TEST(Verdict, NotAboveRandom) {
    auto t = task_of(0.2, 0.1, {0.1, -0.1, 0.3});
    t.test[2].difference["random"] = {0.1, -0.1, 0.3};
    t.test[3].difference["random"] = {0.1, 0, 0.3};
    expect_parts(verdict(t, limit), {"Neither effect is above its random control."});
    t.test[2].difference["random"] = {0.1, 0.01, 0.3};
    expect_parts(verdict(t, limit), {"Only the FV's effect is above its random control."});
    t.test[2].difference["random"] = {0.1, -0.1, 0.3};
    t.test[3].difference["random"] = {0.1, 0.01, 0.3};
    expect_parts(verdict(t, limit), {"Only the ICV's effect is above its random control."});
}

TEST(Verdict, WithoutControlsNothingIsSaidOfThem) {
    auto t = task_of(0.2, 0.1, {0.1, -0.1, 0.3});
    t.test[2].difference.erase("random");
    t.test[3].difference.erase("random");
    expect_without(verdict(t, limit), {"random"});
}

TEST(Verdict, CollapseIsToldOfEitherMethod) {
    auto t = task_of(0.2, 0.6, {-0.4, -0.55, -0.21}, "style");
    t.test[2].metrics["collapsed"] = {0.05, 0, 0.1};
    t.test[3].metrics["collapsed"] = {0.3, 0.2, 0.4};
    auto text = verdict(t, limit);
    expect_parts(text, {"At the ICV's setting 30 % of the outputs collapse."});
    expect_without(text, {"FV's setting"});
    t.test[2].metrics["collapsed"] = {0.5, 0.4, 0.6};
    expect_parts(verdict(t, limit), {"At the FV's setting 50 % of the outputs collapse."});
    expect_without(verdict(t, 0.6), {"collapse"});
}

TEST(Verdict, OneMethod) {
    auto t = task_of(0.75, 0.25, {});
    t.test.erase(t.test.begin() + 3);
    t.test[2].difference.erase("icv-chosen");
    auto text = verdict(t, limit);
    expect_parts(
        text, {"fv-chosen label: first-token accuracy 75 %", "zero-shot 10 %", "above the random control"});
    expect_without(text, {"ICV"});
    t.test[2].difference.clear();
    expect_without(verdict(t, limit), {"random control"});
    t.test.erase(t.test.begin() + 2);
    t.test.push_back(setting("icv-chosen", "icv", "first_token", 0.25));
    text = verdict(t, limit);
    expect_parts(text, {"icv-chosen label", "25 %"});
}

TEST(Verdict, BaselinesOnly) {
    auto t = task_of(0, 0, {});
    t.test.resize(2);
    expect_parts(verdict(t, limit), {"Baselines only", "zero-shot first-token accuracy 10 %"});
    t.test.clear();
    expect_parts(verdict(t, limit), {"no score"});
}

TEST(Findings, MeansOverTasksAndClearCases) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.25, 0.75, {-0.5, -0.7, -0.3}),
               task_of(0.5, 0.5, {0, -0.1, 0.1}), task_of(0.9, 0.1, {0.8, 0.7, 0.9})};
    const auto found = findings(s);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"4 precise-answer tasks", "function vector at its chosen setting 60 %",
                            "in-context vector 40 %", "zero-shot 10 %", "examples 80 %",
                            "random directions 12 %", "FV is clearly better on 2, the ICV on 1"});
    expect_without(found[0], {"n/a", "models"});
    s.tasks[3].model = "m2";
    expect_parts(findings(s)[0], {"4 precise-answer tasks over 2 models"});
}

TEST(Findings, FamiliesAreToldApart) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.2, 0.6, {-0.4, -0.5, -0.3}, "style")};
    s.tasks[1].test[2].metrics["collapsed"] = {0.02, 0, 0.1};
    s.tasks[1].test[3].metrics["collapsed"] = {0.04, 0, 0.1};
    const auto found = findings(s);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"1 precise-answer task,", "FV is clearly better on 1, the ICV on 0"});
    expect_parts(found[1], {"1 behavioural task,", "10 % zero-shot",
                            "in-context vector at its chosen setting 60 % with 4 % of outputs collapsed",
                            "function vector 20 % with 2 %", "FV is clearly better on 0, the ICV on 1"});
}

TEST(Findings, OnlyWhatWasRunIsNamed) {
    Summary s;
    s.tasks = {task_of(0.75, 0, {}), task_of(0.2, 0.6, {}, "style")};
    s.tasks[0].test.erase(s.tasks[0].test.begin() + 3);
    s.tasks[1].test.resize(2);
    auto found = findings(s);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"function vector at its chosen setting 75 %"});
    expect_without(found[0], {"in-context", "n/a", "clearly"});
    expect_without(found[1], {"vector", "n/a", "clearly"});
    s.tasks.resize(1);
    s.tasks[0].test.resize(2);
    found = findings(s);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"baselines", "zero-shot 10 %", "examples 80 %"});
    expect_without(found[0], {"vector", "n/a", "random"});
    EXPECT_TRUE(findings(Summary{}).empty());
}

}  // namespace
}  // namespace tiller::study
