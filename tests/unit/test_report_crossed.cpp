// Bars of the crossed design's tables.
#include <gtest/gtest.h>

#include <limits>

#include "report/analysis_charts.h"

namespace tiller::report {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

AnalysisSummary table() {
    AnalysisSummary a;
    a.id = "factors";
    a.head = "effect";
    a.columns = {{"first_token", "first token"}, {"logprob", "log p"}};
    a.rows = {{"source", "source", {{0.5, 0.25, 0.75}, {0.1, 0.05, 0.2}}, "fv 0.3, icv 0.1"},
              {"place", "place", {{0.125, -0.25, 0.5}, {0.9, 0.8, 1}}, ""},
              {"items", "items", {{none, none, none}, {none, none, none}}, ""}};
    return a;
}

TEST(PartBars, EveryEffectIsABarWithItsInterval) {
    const auto chart = analysis_chart(table());
    ASSERT_TRUE(chart);
    const auto& rows = chart->spec.at("data").at("values");
    ASSERT_EQ(rows.size(), 2u);  // what has no number has no bar
    EXPECT_EQ(rows[1].at("label"), "place");
    EXPECT_EQ(rows[1].at("mean"), 0.125);
    EXPECT_EQ(rows[1].at("low"), -0.25);
    EXPECT_EQ(rows[1].at("high"), 0.5);
    EXPECT_NE(chart->spec.dump().find("share of the differences between cells: first token"),
              std::string::npos);
}

TEST(PartBars, AColumnThatTellsNothingGivesWayToTheNext) {
    auto empty = table();
    for (auto& row : empty.rows) row.values[0] = {0, 0, 0};
    empty.id = "gap";
    const auto chart = analysis_chart(empty);
    ASSERT_TRUE(chart);
    EXPECT_EQ(chart->spec.at("data").at("values")[1].at("mean"), 0.9);
    EXPECT_NE(chart->spec.dump().find("part of the gap: log p"), std::string::npos);
}

TEST(PartBars, ATableWithoutRowsHasNone) {
    auto empty = table();
    empty.rows.clear();
    EXPECT_FALSE(analysis_chart(empty));
}

}  // namespace
}  // namespace tiller::report
