// Sentences of a summary: each case of the numbers gives its own words.
#include <gtest/gtest.h>

#include <string>

#include "study/protocol.h"
#include "test_tasks_files.h"

namespace tiller::study {
namespace {

using test::expect_parts;

constexpr double limit = 0.05;

Plan plan_of(double collapse_limit) {
    Plan plan;
    plan.collapse_limit = collapse_limit;
    return plan;
}
std::string verdict(const TaskSummary& task, double collapse_limit) {
    const Plan plan = plan_of(collapse_limit);
    return protocol_of(plan).verdict(plan, task);
}
std::vector<std::string> findings(const Summary& summary, double collapse_limit) {
    const Plan plan = plan_of(collapse_limit);
    return protocol_of(plan).findings(plan, summary);
}

SettingSummary setting(const std::string& id, const std::string& method, const std::string& metric,
                       double mean, Kind kind) {
    SettingSummary s;
    s.kind = kind;
    s.id = id;
    s.label = id + " label";
    s.method = method;
    s.n = 10;
    s.metrics[metric] = {mean, mean, mean};
    return s;
}

/// zero-shot 10 %, 10-shot 80 %, random 12 %, FV and ICV as given; both above random; the difference FV - ICV
/// as given, with the p value that its interval implies or the one given.
TaskSummary task_of(double fv, double icv, Interval difference, const std::string& metric = "first_token",
                    double p = -1) {
    TaskSummary t;
    t.model = "m";
    t.name = "t";
    t.family = metric == "style" ? Family::behavioural : Family::functional;
    t.primary = metric;
    t.test = {setting("zero-shot", "none", metric, 0.1, Kind::baseline),
              setting("10-shot", "prompt", metric, 0.8, Kind::baseline),
              setting("fv-chosen", "fv", metric, fv, Kind::chosen),
              setting("icv-chosen", "icv", metric, icv, Kind::chosen),
              setting("fv-random", "random", metric, 0.12, Kind::control)};
    t.test[2].difference = {{"random", {0.3, 0.2, 0.4}}};
    t.test[3].difference = {{"random", {0.3, 0.2, 0.4}}};
    const bool excludes = difference.low > 0 || difference.high < 0;
    t.pairs = {{"fv-chosen", "icv-chosen", difference, 5, 2, 0.004, p >= 0 ? p : excludes ? 0.01 : 0.4}};
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

TEST(Verdict, BeyondTheIntervalTheAdjustedTestDecides) {
    const auto text = verdict(task_of(0.75, 0.25, {0.5, 0.01, 0.9}, "first_token", 0.12), limit);
    expect_parts(text, {"FV ahead by 50 points (95 % 1 to 90), but not beyond chance", "p = 0.12"});
    expect_without(text, {"better"});
}

TEST(Verdict, SeveralMethods) {
    auto t = task_of(0.5, 0.1, {0.4, 0.2, 0.6});
    t.test.insert(t.test.begin() + 4,
                  setting("mean-diff-chosen", "mean-diff", "first_token", 0.6, Kind::chosen));
    t.pairs.push_back({"fv-chosen", "mean-diff-chosen", {-0.1, -0.3, 0.1}, 1, 3, 0.5, 0.6});
    t.pairs.push_back({"icv-chosen", "mean-diff-chosen", {-0.5, -0.7, -0.3}, 0, 9, 0.001, 0.003});
    const auto text = verdict(t, limit);
    expect_parts(text, {"Highest first-token accuracy: mean-diff (60 %)", "better than ICV (10 %)",
                        "no difference shown from FV (50 %)", "zero-shot 10 %"});
}

TEST(Verdict, NotAboveRandom) {
    auto t = task_of(0.2, 0.1, {0.1, -0.1, 0.3});
    t.test[2].difference["random"] = {0.1, -0.1, 0.3};
    t.test[3].difference["random"] = {0.1, 0, 0.3};
    expect_parts(verdict(t, limit), {"No effect is above its random control."});
    t.test[2].difference["random"] = {0.1, 0.01, 0.3};
    expect_parts(verdict(t, limit), {"Only FV is above the random control."});
    t.test[2].difference["random"] = {0.1, -0.1, 0.3};
    t.test[3].difference["random"] = {0.1, 0.01, 0.3};
    expect_parts(verdict(t, limit), {"Only ICV is above the random control."});
}

TEST(Verdict, WithoutControlsNothingIsSaidOfThem) {
    auto t = task_of(0.2, 0.1, {0.1, -0.1, 0.3});
    t.test[2].difference.erase("random");
    t.test[3].difference.erase("random");
    expect_without(verdict(t, limit), {"random"});
}

TEST(Verdict, CollapsedSettingsDoNotCount) {
    auto t = task_of(0.2, 0.6, {-0.4, -0.55, -0.21}, "style");
    t.test[2].metrics["collapsed"] = {0.05, 0, 0.1};
    t.test[3].metrics["collapsed"] = {0.3, 0.2, 0.4};
    auto text = verdict(t, limit);
    expect_parts(text, {"FV: style score 20 %", "ICV (60 %) does not count: 30 % of its outputs collapse."});
    expect_without(text, {"better", "FV (20 %) does not count"});
    t.test[2].metrics["collapsed"] = {0.5, 0.4, 0.6};
    text = verdict(t, limit);
    expect_parts(text, {"No method has a setting that keeps the outputs from collapsing",
                        "FV (20 %) does not count: 50 %", "ICV (60 %) does not count"});
    expect_parts(verdict(t, 0.6), {"ICV better by 40 points"});
    expect_without(verdict(t, 0.6), {"collapse"});
    Summary s;
    s.tasks = {t};
    expect_parts(findings(s, limit)[0], {"; neither FV nor ICV is clearly better on any."});
}

TEST(Verdict, OneMethod) {
    auto t = task_of(0.75, 0.25, {});
    t.test.erase(t.test.begin() + 3);
    t.pairs.clear();
    auto text = verdict(t, limit);
    expect_parts(text, {"FV: first-token accuracy 75 %", "zero-shot 10 %"});
    expect_without(text, {"ICV", "random"});
    t.test[2].difference["random"] = {0.1, -0.1, 0.3};
    expect_parts(verdict(t, limit), {"The effect is not above its random control."});
    t.test.erase(t.test.begin() + 2);
    t.test.push_back(setting("icv-chosen", "icv", "first_token", 0.25, Kind::chosen));
    text = verdict(t, limit);
    expect_parts(text, {"ICV: first-token accuracy 25 %"});
}

TEST(Verdict, BaselinesOnly) {
    auto t = task_of(0, 0, {});
    t.test.resize(2);
    expect_parts(verdict(t, limit), {"Baselines only: first-token accuracy; zero-shot 10 %, 10-shot 80 %"});
    t.test[0].metrics.clear();
    expect_parts(verdict(t, limit), {"zero-shot no score"});
}

TEST(Findings, MeansOverTasksAndClearCases) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.25, 0.75, {-0.5, -0.7, -0.3}),
               task_of(0.5, 0.5, {0, -0.1, 0.1}), task_of(0.9, 0.1, {0.8, 0.7, 0.9})};
    for (std::size_t i = 0; i < 4; ++i) s.tasks[i].name = "task " + std::to_string(i);
    const auto found = findings(s, limit);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"4 precise-answer tasks", "at chosen settings: function vector 60 %",
                            "in-context vector 40 %", "zero-shot 10 %", "10-shot 80 %",
                            "random directions 12 %", "clearly better than every other: FV on 2, ICV on 1"});
    expect_without(found[0], {"n/a", "models"});
    s.tasks[3].model = "m2";
    expect_parts(findings(s, limit)[0], {"4 precise-answer tasks over 2 models"});
    // Two seeds of two tasks are two tasks and four runs.
    for (std::size_t i = 0; i < 4; ++i)
        s.tasks[i].name = i < 2 ? "a" : "b", s.tasks[i].model = "m", s.tasks[i].seed = i % 2;
    expect_parts(findings(s, limit)[0],
                 {"On 2 precise-answer tasks with 2 seeds each", "(of 4 runs): FV on 2, ICV on 1"});
}

// Where nobody is clearly better, no list of zeros says that somebody is.
TEST(Findings, NoClearCaseIsSaidSo) {
    Summary s;
    s.tasks = {task_of(0.5, 0.4, {0.1, -0.1, 0.3}), task_of(0.5, 0.4, {0.1, -0.1, 0.3})};
    s.tasks[1].seed = 1;
    const std::string found = findings(s, limit)[0];
    expect_parts(found, {"; neither FV nor ICV is clearly better on any (of 2 runs)."});
    expect_without(found, {"on 0", "clearly better than every other"});
}

TEST(Findings, AmongManyMethodsThoseCountThatNoneBeats) {
    // FV beats ICV; of mean-diff nothing is shown, on one task not even that it is above random.
    Summary s;
    for (const char* name : {"a", "b"}) {
        auto t = task_of(0.75, 0.25, {0.5, 0.3, 0.7});
        t.name = name;
        t.test.push_back(setting("mean-diff-chosen", "mean-diff", "first_token", 0.5, Kind::chosen));
        const double low = t.name == "a" ? 0.1 : -0.1;
        t.test.back().difference = {{"random", {0.3, low, 0.4}}};
        t.pairs.push_back({"fv-chosen", "mean-diff-chosen", {0.25, -0.1, 0.4}, 5, 2, 0.2, 0.6});
        t.pairs.push_back({"icv-chosen", "mean-diff-chosen", {-0.25, -0.4, 0.1}, 2, 5, 0.2, 0.6});
        s.tasks.push_back(t);
    }
    expect_parts(findings(s, limit)[0],
                 {"; above its random control, and no other shown to be better: FV on 2, mean-diff on 1."});
    for (auto& t : s.tasks)
        for (auto& setting : t.test) setting.difference["random"] = {0, -0.1, 0.1};
    expect_parts(findings(s, limit)[0], {"; above its random control: none."});
    for (auto& t : s.tasks)
        for (auto& setting : t.test) setting.difference.clear();
    expect_parts(findings(s, limit)[0], {"no other shown to be better: FV on 2, mean-diff on 2."});
}

TEST(Findings, OfManyMethodsTheBestAreNamed) {
    Summary s;
    auto t = task_of(0.2, 0.1, {});
    int n = 0;
    for (const char* name : {"mean-diff", "repe", "task-vector", "conceptor"})
        t.test.push_back(
            setting(std::string(name) + "-chosen", name, "first_token", 0.3 + 0.1 * n++, Kind::chosen));
    s.tasks = {t};
    expect_parts(findings(s, limit)[0],
                 {"chosen settings: conceptor 60 %, task-vector 50 %, repe 40 %, mean-diff 30 %, 2 more "
                  "methods 20 % to 10 % (zero-shot"});
    s.tasks[0].test.pop_back();  // one more than four are named all, in the plan's order
    expect_parts(findings(s, limit)[0], {"function vector 20 %, in-context vector 10 %, mean-diff 30 %"});
}

TEST(Findings, FamiliesAreToldApart) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.2, 0.6, {-0.4, -0.5, -0.3}, "style")};
    s.tasks[1].test[2].metrics["collapsed"] = {0.02, 0, 0.1};
    s.tasks[1].test[3].metrics["collapsed"] = {0.04, 0, 0.1};
    const auto found = findings(s, limit);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"1 precise-answer task,", "FV on 1, ICV on 0"});
    expect_parts(found[1], {"1 behavioural task,", "10 % zero-shot",
                            "in-context vector 60 % with 4 % of outputs collapsed",
                            "function vector 20 % with 2 %", "FV on 0, ICV on 1"});
}

TEST(Findings, OnlyWhatWasRunIsNamed) {
    Summary s;
    s.tasks = {task_of(0.75, 0, {}), task_of(0.2, 0.6, {}, "style")};
    s.tasks[0].test.erase(s.tasks[0].test.begin() + 3);
    s.tasks[1].test.resize(2);
    auto found = findings(s, limit);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"function vector 75 %"});
    expect_without(found[0], {"in-context", "n/a", "clearly"});
    expect_without(found[1], {"vector", "n/a", "clearly"});
    s.tasks.resize(1);
    s.tasks[0].test.resize(2);
    found = findings(s, limit);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"baselines", "zero-shot 10 %", "10-shot 80 %"});
    expect_without(found[0], {"vector", "n/a", "random"});
    EXPECT_TRUE(findings(Summary{}, limit).empty());
}

}  // namespace
}  // namespace tiller::study
