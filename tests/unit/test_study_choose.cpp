// The rules by which a setting is chosen, on made-up records.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "study/choose.h"

namespace tiller::study {
namespace {

std::vector<Candidate> grid_of(std::initializer_list<const char*> ids) {
    std::vector<Candidate> grid;
    for (const char* id : ids) grid.push_back({id, id, "m", Kind::grid});
    return grid;
}

ItemRecord record(const char* setting, const std::map<std::string, double>& scores) {
    ItemRecord r;
    r.setting = setting;
    r.scores = scores;
    return r;
}

ItemRecord functional(const char* setting, int first_token, double logprob) {
    return record(setting, {{"first_token", first_token}, {"logprob", logprob}});
}

ItemRecord behavioural(const char* setting, double style, int collapsed) {
    return record(setting, {{"style", style}, {"collapsed", collapsed}});
}

std::string chosen(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   bool is_behavioural, double limit = 0.25) {
    return grid[choose(grid, records, is_behavioural, limit)].id;
}

TEST(Choose, HighestAccuracyWins) {
    const auto grid = grid_of({"a", "b", "c"});
    EXPECT_EQ(chosen(grid, {functional("a", 0, -1), functional("b", 1, -9), functional("c", 0, -1)}, false),
              "b");
}

// One hit in 17 items is noise: within one standard error the log-probability decides, beyond it accuracy
// does.
TEST(Choose, WithinOneStandardErrorTheLogProbabilityDecides) {
    const auto grid = grid_of({"lucky", "likely", "far"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 17; ++i) {
        records.push_back(functional("lucky", i == 0, -12));
        records.push_back(functional("likely", 0, -5));
        records.push_back(functional("far", 0, -6));
    }
    EXPECT_EQ(chosen(grid, records, false), "likely");
    records.clear();
    for (int i = 0; i < 17; ++i) {
        records.push_back(functional("lucky", i < 9, -12));
        records.push_back(functional("likely", i < 4, -5));
        records.push_back(functional("far", i < 8, -6));
    }
    EXPECT_EQ(chosen(grid, records, false), "far");
}

TEST(Choose, OrderOfRecordsDoesNotMatter) {
    const auto grid = grid_of({"a", "b"});
    EXPECT_EQ(chosen(grid,
                     {functional("b", 1, -1), functional("a", 0, -1), functional("a", 1, -1),
                      functional("b", 1, -1)},
                     false),
              "b");
}

TEST(Choose, TiesGoToTheHigherLogProbability) {
    const auto grid = grid_of({"a", "b", "c"});
    EXPECT_EQ(chosen(grid, {functional("a", 1, -2), functional("b", 1, -1), functional("c", 1, -3)}, false),
              "b");
}

TEST(Choose, FullTiesGoToTheEarlierPoint) {
    const auto grid = grid_of({"a", "b", "c"});
    EXPECT_EQ(chosen(grid, {functional("a", 0, -2), functional("b", 1, -1), functional("c", 1, -1)}, false),
              "b");
    EXPECT_EQ(chosen(grid_of({"x", "y"}), {behavioural("x", 0.5, 0), behavioural("y", 0.5, 0)}, true), "x");
}

// A broken row counts as the worst answer, not as an average one.
TEST(Choose, BrokenRowsWithoutLogProbabilityLose) {
    const auto grid = grid_of({"broken", "whole"});
    ItemRecord none = functional("broken", 0, std::nan("")), left_out = record("broken", {});
    none.broken = left_out.broken = true;
    EXPECT_EQ(
        chosen(grid,
               {none, functional("broken", 0, -1), functional("whole", 0, -20), functional("whole", 0, -20)},
               false),
        "whole");
    EXPECT_EQ(chosen(grid,
                     {left_out, functional("broken", 0, -1), functional("whole", 0, -20),
                      functional("whole", 0, -20)},
                     false),
              "whole");
}

TEST(Choose, HighestStyleWithinTheLimitWins) {
    const auto grid = grid_of({"weak", "strong", "wild"});
    const std::vector<ItemRecord> records = {behavioural("weak", 0.4, 0), behavioural("strong", 0.7, 0),
                                             behavioural("wild", 0.99, 1)};
    EXPECT_EQ(chosen(grid, records, true), "strong");
    EXPECT_EQ(chosen(grid, records, true, 1.0), "wild");
}

// 1 of 20 would be the limit of 5 % itself, but who saw it cannot expect the limit to hold.
TEST(Choose, OneCollapsedOutputOfTwentyIsTooMany) {
    const auto grid = grid_of({"weak", "strong"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 20; ++i) {
        records.push_back(behavioural("weak", 0.4, 0));
        records.push_back(behavioural("strong", 0.9, i == 0));
    }
    EXPECT_EQ(chosen(grid, records, true, 0.05), "weak");
    EXPECT_EQ(chosen(grid, records, true, 0.1), "strong");
}

TEST(Choose, TheLimitItselfIsAllowed) {
    const auto grid = grid_of({"weak", "edge"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 4; ++i) {
        records.push_back(behavioural("weak", 0.4, 0));
        records.push_back(behavioural("edge", 0.9, i == 0));
    }
    EXPECT_EQ(chosen(grid, records, true, 2.0 / 6), "edge");  // (1 + 1) of (4 + 2)
    EXPECT_EQ(chosen(grid_of({"edge", "weak"}), records, true, 2.0 / 6), "edge");
    EXPECT_EQ(chosen(grid, records, true, 0.33), "weak");
}

// It is the share that counts, though one setting has more records.
TEST(Choose, AboveTheLimitTheLeastDamageWins) {
    const auto grid = grid_of({"a", "b", "c"});
    const std::vector<ItemRecord> records = {behavioural("a", 0.9, 1), behavioural("a", 0.9, 1),
                                             behavioural("b", 0.2, 1), behavioural("b", 0.2, 0),
                                             behavioural("c", 0.3, 1), behavioural("c", 0.3, 1)};
    EXPECT_EQ(chosen(grid, records, true), "b");
    const std::vector<ItemRecord> equal = {behavioural("a", 0.2, 1), behavioural("b", 0.9, 1),
                                           behavioural("c", 0.3, 1)};
    EXPECT_EQ(chosen(grid, equal, true), "b");
}

TEST(Choose, FunctionalTasksKnowNoCollapse) {
    const auto grid = grid_of({"a", "b"});
    ItemRecord collapsed = functional("b", 1, -1);
    collapsed.scores["style"] = 0.0;
    EXPECT_EQ(chosen(grid, {functional("a", 0, -1), collapsed}, false, 0.0), "b");
}

TEST(ChoiceRules, NameTheLimit) {
    Plan plan;
    plan.collapse_limit = 0.07;
    const auto rules = choice_rules(plan);
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_NE(rules[0].find("first-token accuracy"), std::string::npos);
    EXPECT_NE(rules[1].find("7 %"), std::string::npos);
}

}  // namespace
}  // namespace tiller::study
