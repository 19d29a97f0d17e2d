// The list of scores: what it says of each, and that a score is one file.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "scoring/metrics.h"

namespace tiller {

const Metric& metric_brief();  // made from docs/extending.md by the build

namespace {

TEST(Metrics, StandInTheOrderOfTables) {
    std::vector<std::string> names;
    for (const Metric* metric : metrics()) names.push_back(metric->name);
    EXPECT_EQ(
        names,
        (std::vector<std::string>{
            "first_token", "first_word",    "exact",      "f1",           "contains", "present", "logprob",
            "rank",        "whole_style",   "style",      "second_judge", "rouge_l",  "broken",  "collapsed",
            "perplexity",  "ngram_entropy", "distinct_1", "distinct_2",   "kl",       "entropy", "damage"}));
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(metric_rank(names[i]), static_cast<int>(i));
    EXPECT_EQ(metric_rank("nobody's"), static_cast<int>(names.size()));
}

TEST(Metrics, SayWhatTheyAre) {
    std::set<std::string> keys;
    for (const Metric* metric : metrics()) {
        EXPECT_FALSE(metric->label.empty()) << metric->name;
        EXPECT_TRUE(metric->explanation.ends_with(".")) << metric->name;
        EXPECT_TRUE(keys.insert(metric->key()).second) << metric->name;
        EXPECT_EQ(find_recorded(metric->key()), metric);
        EXPECT_EQ(find_metric(metric->name), metric);
    }
    EXPECT_EQ(find_metric("perplexity")->key(), "nll");
    EXPECT_EQ(find_metric("nll"), nullptr);
    EXPECT_TRUE(is_share("exact") && is_share("style") && !is_share("rank") && !is_share("nobody's"));
    EXPECT_TRUE(lower_is_better("collapsed") && !lower_is_better("style") && !lower_is_better("nobody's"));
    EXPECT_EQ(metric_label("first_token"), "first token");
    EXPECT_EQ(metric_label("nobody_s own"), "nobody s own");
}

TEST(Metrics, WhatTablesAndRecordsGoBy) {
    const auto with = [](auto trait) {
        std::set<std::string> names;
        for (const Metric* metric : metrics())
            if (metric->*trait) names.insert(metric->name);
        return names;
    };
    using Names = std::set<std::string>;
    EXPECT_EQ(with(&Metric::lower_is_better),
              (Names{"rank", "broken", "collapsed", "perplexity", "kl", "damage"}));
    EXPECT_EQ(with(&Metric::whole), (Names{"first_token", "rank", "broken", "collapsed"}));
    EXPECT_EQ(with(&Metric::exp_of_mean), Names{"perplexity"});
    EXPECT_EQ(with(&Metric::all_or_none), Names{"rouge_l"});
}

TEST(Metrics, ScoreAnOutput) {
    const std::vector<std::string> targets = {" small"};
    const ScoredOutput output(" Small!\nQ: and more", {.targets = targets, .input = "big"});
    EXPECT_EQ(output.answer(), "Small!");
    EXPECT_EQ(find_metric("exact")->of_answer(output), 1);
    EXPECT_EQ(find_metric("contains")->of_answer(output), 1);
    EXPECT_EQ(find_metric("rouge_l")->of_text(output), 1);
    EXPECT_EQ(find_metric("collapsed")->of_text(output), 0);
    const ScoredOutput broken(" Small!", {.targets = targets, .input = "big", .broken = true});
    EXPECT_EQ(find_metric("collapsed")->of_text(broken), 1);
    const ScoredOutput whole(" Small!\nQ: and more",
                             {.targets = targets, .input = "big", .whole_answer = true});
    EXPECT_EQ(whole.answer(), whole.text());
    EXPECT_LT(find_metric("rouge_l")->of_text(whole), 1);
}

TEST(Metrics, TheDocumentedScoreIsOneFile) {
    const Metric& brief = metric_brief();
    EXPECT_EQ(brief.name, "brief");
    EXPECT_TRUE(brief.is_share());
    EXPECT_EQ(brief.of_text, nullptr);
    const std::vector<std::string> targets = {" New York"};
    const auto score = [&](const char* text) {
        return brief.of_answer(ScoredOutput(text, {.targets = targets, .input = "biggest city"}));
    };
    EXPECT_EQ(score(" New York"), 1);
    EXPECT_EQ(score(" It is New York"), 0);
    EXPECT_EQ(score(" York\nQ: something that is not read"), 1);
}

}  // namespace
}  // namespace tiller
