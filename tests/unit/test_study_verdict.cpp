// Sentences of a summary: each case of the numbers gives its own words.
#include <gtest/gtest.h>

#include <string>

#include "study/protocol.h"
#include "test_tasks_files.h"

namespace tiller::study {
namespace {

using test::expect_parts;

std::string verdict(const TaskSummary& task) { return protocol_of(Plan{}).verdict({}, task); }
std::vector<std::string> findings(const Summary& summary) {
    return protocol_of(Plan{}).findings({}, summary);
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

/// zero-shot 10 %, 10-shot 80 %, random 12 %, FV and ICV as given; both work; the difference FV - ICV as
/// given, with the p value that its interval implies or the one given.
TaskSummary task_of(double fv, double icv, Interval difference, const std::string& metric = "first_token",
                    double p = -1) {
    TaskSummary t;
    t.model = "m";
    t.name = "t";
    t.family = metric == "whole_style" ? Family::behavioural : Family::functional;
    t.primary = metric;
    t.test = {setting("zero-shot", "none", metric, 0.1, Kind::baseline),
              setting("10-shot", "prompt", metric, 0.8, Kind::baseline),
              setting("fv-chosen", "fv", metric, fv, Kind::chosen),
              setting("icv-chosen", "icv", metric, icv, Kind::chosen),
              setting("fv-random", "random", metric, 0.12, Kind::control)};
    t.test[2].p_works = t.test[3].p_works = 0.001;
    const bool excludes = difference.low > 0 || difference.high < 0;
    t.pairs = {{"fv-chosen", "icv-chosen", difference, 5, 2, 0.004, p >= 0 ? p : excludes ? 0.01 : 0.4}};
    return t;
}

void expect_without(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts)
        EXPECT_EQ(text.find(part), std::string::npos) << "\"" << part << "\" in: " << text;
}

TEST(Verdict, FvBetter) {
    const auto text = verdict(task_of(0.75, 0.25, {0.5, 0.31, 0.69}));
    expect_parts(text, {"FV better by 50 points (95 % 31 to 69)", "first token 75 % against 25 % for ICV",
                        "zero-shot 10 %", "10-shot 80 %"});
    expect_without(text, {"ICV better", "No difference", "random", "collapse"});
}

TEST(Verdict, IcvBetter) {
    const auto text = verdict(task_of(0.2, 0.6, {-0.4, -0.55, -0.21}, "whole_style"));
    expect_parts(
        text, {"ICV better by 40 points (95 % 21 to 55)", "style of whole texts 60 % against 20 % for FV"});
    expect_without(text, {"FV better", "No difference"});
}

TEST(Verdict, NoDifference) {
    for (const Interval& d :
         {Interval{0.1, -0.05, 0.25}, Interval{0.1, 0, 0.25}, Interval{-0.1, -0.2, 0}, Interval{}}) {
        const auto text = verdict(task_of(0.5, 0.4, d));
        expect_parts(text, {"No difference shown between FV (50 %) and ICV (40 %)"});
        expect_without(text, {"better"});
    }
}

TEST(Verdict, BeyondTheIntervalTheAdjustedTestDecides) {
    const auto text = verdict(task_of(0.75, 0.25, {0.5, 0.01, 0.9}, "first_token", 0.12));
    expect_parts(text, {"FV ahead by 50 points (95 % 1 to 90), but not beyond chance (p = 0.12)"});
    expect_without(text, {"better"});
}

TEST(Verdict, SeveralMethods) {
    auto t = task_of(0.5, 0.1, {0.4, 0.2, 0.6});
    t.test.insert(t.test.begin() + 4,
                  setting("mean-diff-chosen", "mean-diff", "first_token", 0.6, Kind::chosen));
    t.test[4].p_works = 0.01;
    t.pairs.push_back({"fv-chosen", "mean-diff-chosen", {-0.1, -0.3, 0.1}, 1, 3, 0.5, 0.6});
    t.pairs.push_back({"icv-chosen", "mean-diff-chosen", {-0.5, -0.7, -0.3}, 0, 9, 0.001, 0.003});
    const auto text = verdict(t);
    expect_parts(text, {"Highest first token: mean-diff (60 %)", "better than ICV (10 %)",
                        "no difference shown from FV (50 %)", "zero-shot 10 %"});
}

// What is not shown to work is not crowned, however high it is, and it is said what it falls short of.
TEST(Verdict, WhatDoesNotWorkIsNotCrowned) {
    auto t = task_of(0.75, 0.25, {0.5, 0.31, 0.69});
    t.test[2].p_works = 0.3;
    t.pairs.push_back({"fv-chosen", "zero-shot", {0.65, 0.5, 0.8}, 13, 0, 0.001, 0.002});
    t.pairs.push_back({"fv-chosen", "fv-random", {0.1, -0.05, 0.25}, 4, 2, 0.3, 0.3});
    auto text = verdict(t);
    expect_parts(text, {"ICV: first token 25 %",
                        "FV (75 %) is not above fv-random (12 %; 15 points or more would have shown)."});
    expect_without(text, {"FV better", "zero-shot (10 %)", "ICV (25 %) is not"});
    t.test[3].p_works = 0.06;
    t.pairs.push_back({"icv-chosen", "zero-shot", {0.15, 0.01, 0.3}, 4, 1, 0.03, 0.06});
    text = verdict(t);
    expect_parts(
        text,
        {"No method is shown to work; highest first token: FV (75 %)",
         "ICV (25 %) is not above zero-shot (10 %; p = 0.06 with the task's other comparisons counted)."});
    expect_without(text, {"better"});
    Summary s;
    s.tasks = {t};
    expect_parts(findings(s)[0], {"; neither FV nor ICV is clearly better on any."});
}

TEST(Verdict, DrawsAreCounted) {
    auto t = task_of(0.75, 0.25, {0.5, 0.31, 0.69});
    t.pairs[0].n_draw = 5, t.pairs[0].n_draw_better = 4;
    expect_parts(verdict(t), {"FV better by 50 points (95 % 31 to 69, on 4 of 5 draws)"});
    // The pair names the beaten method first; on one draw the two are equal.
    t = task_of(0.25, 0.75, {-0.5, -0.69, -0.31});
    t.pairs[0].n_draw = 5, t.pairs[0].n_draw_better = 1, t.pairs[0].n_draw_worse = 3;
    expect_parts(verdict(t), {"ICV better by 50 points (95 % 31 to 69, on 3 of 5 draws)"});
}

TEST(Verdict, DamageAndTheSecondJudgeAreSaid) {
    auto t = task_of(0.2, 0.6, {-0.4, -0.55, -0.21}, "whole_style");
    t.test[3].metrics["broken"] = {0.3, 0.2, 0.4};
    t.test[2].metrics["broken"] = {0, 0, 0.04};
    t.test[0].metrics["second_judge"] = {0.4, 0.3, 0.5};
    t.test[2].metrics["second_judge"] = {0.5, 0.4, 0.6};
    t.test[3].metrics["second_judge"] = {0.35, 0.3, 0.4};
    const auto text = verdict(t);
    expect_parts(text,
                 {"30 % of ICV's texts are broken.",
                  "The second judge does not share that ICV changes the style (0.35, 0.40 zero-shot)."});
    expect_without(text, {"of FV's texts", "share that FV"});
}

TEST(Verdict, FirstTokensAndAnswersMayDisagree) {
    auto t = task_of(0.9, 0.2, {0.7, 0.5, 0.9});
    t.test[2].metrics["exact"] = {0.1, 0, 0.2};
    t.test[3].metrics["exact"] = {0.1, 0, 0.2};
    const auto text = verdict(t);
    expect_parts(text, {"FV's first tokens and whole answers disagree: 10 % of the answers are exact."});
    expect_without(text, {"ICV's first tokens"});
}

TEST(Verdict, OneMethod) {
    auto t = task_of(0.75, 0.25, {});
    t.test.erase(t.test.begin() + 3);
    t.pairs.clear();
    auto text = verdict(t);
    expect_parts(text, {"FV: first token 75 %", "zero-shot 10 %"});
    expect_without(text, {"ICV", "random"});
    t.test[2].p_works = 0.2;
    expect_parts(verdict(t), {"No method is shown to work; highest first token: FV (75 %)"});
    t.test.erase(t.test.begin() + 2);
    t.test.push_back(setting("icv-chosen", "icv", "first_token", 0.25, Kind::chosen));
    t.test.back().p_works = 0.01;
    text = verdict(t);
    expect_parts(text, {"ICV: first token 25 %"});
}

TEST(Verdict, BaselinesOnly) {
    auto t = task_of(0, 0, {});
    t.test.resize(2);
    expect_parts(verdict(t), {"Baselines only: first token; zero-shot 10 %, 10-shot 80 %"});
    t.test[0].metrics.clear();
    expect_parts(verdict(t), {"zero-shot no score"});
}

TEST(Findings, MeansOverTasksAndClearCases) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.25, 0.75, {-0.5, -0.7, -0.3}),
               task_of(0.5, 0.5, {0, -0.1, 0.1}), task_of(0.9, 0.1, {0.8, 0.7, 0.9})};
    for (std::size_t i = 0; i < 4; ++i) s.tasks[i].name = "task " + std::to_string(i);
    const auto found = findings(s);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"4 precise-answer tasks",
                            "chosen settings get these scores (first token): function vector 60 %",
                            "in-context vector 40 %", "zero-shot 10 %", "10-shot 80 %",
                            "random directions 12 %", "clearly better than every other: FV on 2, ICV on 1"});
    expect_without(found[0], {"n/a", "models"});
    s.tasks[3].model = "m2";
    expect_parts(findings(s)[0], {"4 precise-answer tasks over 2 models"});
    // Two seeds of two tasks are two tasks and four runs.
    for (std::size_t i = 0; i < 4; ++i)
        s.tasks[i].name = i < 2 ? "a" : "b", s.tasks[i].model = "m", s.tasks[i].seed = i % 2;
    expect_parts(findings(s)[0],
                 {"On 2 precise-answer tasks with 2 seeds each", "(of 4 runs): FV on 2, ICV on 1"});
}

// Where nobody is clearly better, no list of zeros says that somebody is.
TEST(Findings, NoClearCaseIsSaidSo) {
    Summary s;
    s.tasks = {task_of(0.5, 0.4, {0.1, -0.1, 0.3}), task_of(0.5, 0.4, {0.1, -0.1, 0.3})};
    s.tasks[1].seed = 1;
    const std::string found = findings(s)[0];
    expect_parts(found, {"; neither FV nor ICV is clearly better on any (of 2 runs)."});
    expect_without(found, {"on 0", "clearly better than every other"});
}

TEST(Findings, AmongManyMethodsThoseCountThatNoneBeats) {
    // FV beats ICV; of mean-diff nothing is shown, on one task not even that it works.
    Summary s;
    for (const char* name : {"a", "b"}) {
        auto t = task_of(0.75, 0.25, {0.5, 0.3, 0.7});
        t.name = name;
        t.test.push_back(setting("mean-diff-chosen", "mean-diff", "first_token", 0.5, Kind::chosen));
        t.test.back().p_works = t.name == "a" ? 0.01 : 0.4;
        t.pairs.push_back({"fv-chosen", "mean-diff-chosen", {0.25, -0.1, 0.4}, 5, 2, 0.2, 0.6});
        t.pairs.push_back({"icv-chosen", "mean-diff-chosen", {-0.25, -0.4, 0.1}, 2, 5, 0.2, 0.6});
        s.tasks.push_back(t);
    }
    expect_parts(findings(s)[0],
                 {"; shown to work, and no other shown to be better: FV on 2, mean-diff on 1."});
    for (auto& t : s.tasks)
        for (auto& setting : t.test) setting.p_works.reset();
    expect_parts(findings(s)[0], {"; shown to work: none."});
}

TEST(Findings, OfManyMethodsTheBestAreNamed) {
    Summary s;
    auto t = task_of(0.2, 0.1, {});
    int n = 0;
    for (const char* name : {"mean-diff", "repe", "task-vector", "conceptor"})
        t.test.push_back(
            setting(std::string(name) + "-chosen", name, "first_token", 0.3 + 0.1 * n++, Kind::chosen));
    s.tasks = {t};
    expect_parts(
        findings(s)[0],
        {"these scores (first token): conceptor 60 %, task-vector 50 %, repe 40 %, mean-diff 30 %, 2 more "
         "methods 20 % to 10 % (zero-shot"});
    s.tasks[0].test.pop_back();  // one more than four are named all, in the plan's order
    expect_parts(findings(s)[0], {"function vector 20 %, in-context vector 10 %, mean-diff 30 %"});
}

TEST(Findings, FamiliesAreToldApart) {
    Summary s;
    s.tasks = {task_of(0.75, 0.25, {0.5, 0.3, 0.7}), task_of(0.2, 0.6, {-0.4, -0.5, -0.3}, "whole_style")};
    s.tasks[1].test[2].metrics["broken"] = {0.02, 0, 0.1};
    s.tasks[1].test[3].metrics["broken"] = {0.04, 0, 0.1};
    const auto found = findings(s);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"1 precise-answer task,", "FV on 1, ICV on 0"});
    expect_parts(found[1],
                 {"1 behavioural task,", "10 % zero-shot", "in-context vector 60 % with 4 % of texts broken",
                  "function vector 20 % with 2 %", "FV on 0, ICV on 1"});
}

TEST(Findings, OnlyWhatWasRunIsNamed) {
    Summary s;
    s.tasks = {task_of(0.75, 0, {}), task_of(0.2, 0.6, {}, "whole_style")};
    s.tasks[0].test.erase(s.tasks[0].test.begin() + 3);
    s.tasks[1].test.resize(2);
    auto found = findings(s);
    ASSERT_EQ(found.size(), 2u);
    expect_parts(found[0], {"function vector 75 %"});
    expect_without(found[0], {"in-context", "n/a", "clearly"});
    expect_without(found[1], {"vector", "n/a", "clearly"});
    s.tasks.resize(1);
    s.tasks[0].test.resize(2);
    found = findings(s);
    ASSERT_EQ(found.size(), 1u);
    expect_parts(found[0], {"baselines", "zero-shot 10 %", "10-shot 80 %"});
    expect_without(found[0], {"vector", "n/a", "random"});
    EXPECT_TRUE(findings(Summary{}).empty());
}

}  // namespace
}  // namespace tiller::study
