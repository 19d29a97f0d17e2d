// Charts of the protocol "transfer": which numbers they draw.
#include <gtest/gtest.h>

#include <cmath>

#include "report/analysis_charts.h"

namespace tiller::report {
namespace {

constexpr double kNone = NAN;

AnalysisSummary matrix() {
    return {"transfer",
            "Gain by form",
            "",
            "vector",
            {{"qa", "in qa"}, {"arrow", "in arrow"}},
            {{"unsteered", "unsteered", {{0, 0, 0}, {0, 0, 0}}},
             {"fv qa",
              "fv from qa",
              {{2, 1, 3}, {kNone, kNone, kNone}},
              "layer 1",
              {{"method", "fv"}, {"from", "qa"}}},
             {"icv arrow",
              "icv from arrow\xff",
              {{-4, -5, -3}, {1, kNone, kNone}},
              "",
              {{"method", "icv"}, {"from", "arrow\xff"}}},
             {"fv-random qa",
              "fv-random from qa",
              {{-90, -91, -89}, {-80, -81, -79}},
              "",
              {{"method", "fv"}, {"from", "qa"}, {"role", "control"}}}}};
}

TEST(TransferCharts, HeatMapHasTheVectorsAlone) {
    const auto chart = analysis_chart(matrix());
    ASSERT_TRUE(chart.has_value());
    const auto& cells = chart->spec.at("data").at("values");
    ASSERT_EQ(cells.size(), 3u);  // no controls, no unsteered row, no empty cell
    EXPECT_EQ(cells[0].at("method"), "fv");
    EXPECT_EQ(cells[0].at("source"), "qa");
    EXPECT_EQ(cells[0].at("place"), "qa");
    EXPECT_EQ(cells[0].at("mean"), 2);
    EXPECT_EQ(cells[2].at("place"), "arrow");
    EXPECT_EQ(chart->panels, 2);
    // The scale is symmetrical around 0 and reaches the largest cell; names from outside are UTF-8.
    const std::string text = chart->spec.dump();
    EXPECT_NE(text.find("\"domain\":[-4.0,0,4.0]"), std::string::npos) << text;
    EXPECT_NE(text.find("arrow\xef\xbf\xbd"), std::string::npos);
}

TEST(TransferCharts, ShotsHaveBothLines) {
    const Interval n = {kNone, kNone, kNone};
    const AnalysisSummary shots = {
        "shots",
        "Vectors beside demonstrations",
        "",
        "vector",
        {{"hit_without", "a"}, {"hit_with", "b"}, {"logprob_without", "c"}, {"logprob_with", "d"}},
        {{"",
          "fv, none",
          {{0, 0, 0}, {1, 1, 1}, {-6, -7, -5}, {-4, -5, -3}},
          "",
          {{"method", "fv"}},
          {{"shots", 0}}},
         {"",
          "fv, ten",
          {{0, 0, 0}, {1, 1, 1}, {-1, -2, -0.5}, n},
          "",
          {{"method", "fv"}},
          {{"shots", 10}}}}};
    const auto chart = analysis_chart(shots);
    ASSERT_TRUE(chart.has_value());
    const auto& points = chart->spec.at("data").at("values");
    ASSERT_EQ(points.size(), 3u);
    EXPECT_EQ(points[0].at("who"), "unsteered");
    EXPECT_EQ(points[0].at("mean"), -6);
    EXPECT_EQ(points[1].at("mean"), -4);
    EXPECT_EQ(points[2].at("shots"), 10);
}

TEST(TransferCharts, NothingToDrawIsNoError) {
    AnalysisSummary empty = matrix();
    empty.rows = {{"unsteered", "unsteered", {{0, 0, 0}, {0, 0, 0}}}};
    const auto chart = analysis_chart(empty);
    ASSERT_TRUE(chart.has_value());
    EXPECT_TRUE(chart->spec.at("data").at("values").empty());
}

}  // namespace
}  // namespace tiller::report
