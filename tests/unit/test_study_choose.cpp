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

ItemRecord behavioural(const char* setting, double whole_style, double nll) {
    return record(setting, {{"whole_style", whole_style}, {"nll", nll}});
}

std::string chosen(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   bool is_behavioural) {
    return grid[choose(grid, records, is_behavioural ? "whole_style" : "first_token")].id;
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

// Four extractions of two settings, as a run on capitalize had them: one of them makes "lucky" good, and the
// fifth extraction scored 0 with it. Items alone would put "steady" more than one standard error below.
TEST(Choose, ASettingThatOneDrawMakesGoodDoesNotShutOutASteadyOne) {
    const auto grid = grid_of({"lucky", "steady", "weak"});
    std::vector<ItemRecord> records;
    const auto add = [&](const char* setting, std::vector<int> hits, double logprob) {
        for (int draw = 0; draw < 4; ++draw)
            for (int i = 0; i < 12; ++i) {
                records.push_back(functional(setting, i < hits[static_cast<std::size_t>(draw)], logprob));
                records.back().draw = draw;
            }
    };
    add("lucky", {3, 1, 11, 2}, -6);
    add("steady", {4, 2, 3, 3}, -5);
    add("weak", {0, 1, 0, 1}, -4);
    EXPECT_EQ(chosen(grid, records, false), "steady");
    for (auto& r : records) r.draw.reset();
    EXPECT_EQ(chosen(grid, records, false), "lucky");
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

// One broken text costs its own style and no more: no gate that it could tip.
TEST(Choose, ABrokenTextCountsAsNothing) {
    const auto grid = grid_of({"weak", "strong"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 20; ++i) {
        records.push_back(behavioural("weak", 0.4, 1));
        records.push_back(behavioural("strong", i < 3 ? 0 : 0.95, 2));
    }
    EXPECT_EQ(chosen(grid, records, true), "strong");
}

// What looks best by less than its noise gives way to what is gentler.
TEST(Choose, WithinOneStandardErrorTheGentlestWins) {
    const auto grid = grid_of({"wild", "gentle", "idle"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 20; ++i) {
        records.push_back(behavioural("wild", i % 2 ? 1 : 0.3, 3));       // 0.65, error 0.08
        records.push_back(behavioural("gentle", i % 2 ? 0.9 : 0.32, 1));  // 0.61
        records.push_back(behavioural("idle", 0.4, 0.5));
    }
    EXPECT_EQ(chosen(grid, records, true), "gentle");
}

// A text of no token has no perplexity: it must not count as the gentlest.
TEST(Choose, NoTextIsNotGentle) {
    const auto grid = grid_of({"empty", "whole"});
    std::vector<ItemRecord> records;
    for (int i = 0; i < 4; ++i) {
        records.push_back(behavioural("empty", 0, std::nan("")));
        records.push_back(behavioural("whole", 0, 2));
    }
    EXPECT_EQ(chosen(grid, records, true), "whole");
}

TEST(Choose, OnlyWhatCountsDecides) {
    const auto grid = grid_of({"a", "b"});
    std::vector<ItemRecord> records;
    for (int draw = 0; draw < 2; ++draw)
        for (int i = 0; i < 10; ++i) {
            records.push_back(functional("a", draw == 0, -1));
            records.push_back(functional("b", draw == 1, -1));
            records[records.size() - 2].draw = records.back().draw = draw;
        }
    const auto without = [&](int draw) {
        return grid[choose(grid, records, "first_token", [&](const ItemRecord& r) { return r.draw != draw; })]
            .id;
    };
    EXPECT_EQ(without(0), "b");
    EXPECT_EQ(without(1), "a");
}

TEST(ChoiceRules, NameTheScore) {
    Plan plan;
    plan.tuning.choose_by = "exact";
    const auto rules = choice_rules(plan);
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_NE(rules[0].find("exact"), std::string::npos);
    EXPECT_NE(rules[1].find("style of whole texts"), std::string::npos);
}

}  // namespace
}  // namespace tiller::study
