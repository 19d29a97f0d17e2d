// Charts of equal doses: what is drawn of a table.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "report/analysis_charts.h"

namespace tiller::report {
namespace {

AnalysisSummary frontier() {
    const Interval none = plain_number(std::numeric_limits<double>::quiet_NaN());
    AnalysisSummary a;
    a.id = "frontier";
    a.columns = {{"dose", "dose"},
                 {"effect", "effect"},
                 {"damage", "damage"},
                 {"logprob_lost", "log p lost"},
                 {"strength", "strength"}};
    const auto row = [&](const char* method, const char* role, const char* label, double dose, double effect,
                         double damage) {
        return AnalysisRow{
            "",
            label,
            {plain_number(dose), {effect, effect - 0.1, effect + 0.1}, {damage, 0, 1}, none, none},
            "",
            {{"method", method}, {"role", role}}};
    };
    a.rows = {row("fv", "method", "FV", 1, 0.3, 0.1), row("fv", "method", "FV", 2, 0.5, 0.2),
              row("fv", "control", "random for FV", 1, 0, 0.4),
              row("mean-diff", "method", "mean-diff", 1, 0.1, 0)};
    // Not reached: nothing is drawn.
    a.rows.push_back(a.rows.back());
    a.rows.back().values = {plain_number(2), none, none, none, none};
    return a;
}

TEST(DoseCharts, APointForEachDoseReachedAndNone) {
    const auto chart = analysis_chart(frontier());
    ASSERT_TRUE(chart);
    const auto& rows = chart->spec.at("data").at("values");
    std::multiset<std::string> points;
    for (const auto& r : rows)
        points.insert(r.at("method").get<std::string>() + " " + r.at("dose").dump() + " " + r.at("x").dump() +
                      " " + r.at("effect").dump());
    EXPECT_EQ(points, (std::multiset<std::string>{"FV 0.0 0.0 0.0", "FV 1.0 0.1 0.3", "FV 2.0 0.2 0.5",
                                                  "mean-diff 0.0 0.0 0.0", "mean-diff 1.0 0.0 0.1",
                                                  "random for FV 0.0 0.0 0.0", "random for FV 1.0 0.4 0.0"}));
}

TEST(DoseCharts, AMethodHasItsColourAndRandomIsGrey) {
    const auto chart = analysis_chart(frontier());
    ASSERT_TRUE(chart);
    const auto& scale = chart->spec.at("encoding").at("color").at("scale");
    EXPECT_EQ(scale.at("domain"), (nlohmann::json{"FV", "random for FV", "mean-diff"}));
    Summary summary;
    summary.tasks.emplace_back();
    for (const char* method : {"fv", "mean-diff"}) {
        summary.tasks[0].test.emplace_back();
        summary.tasks[0].test.back().method = method;
    }
    const Palette palette(summary);
    EXPECT_EQ(scale.at("range"),
              (nlohmann::json{palette.colour("fv"), palette.colour("none"), palette.colour("mean-diff")}));
}

TEST(DoseCharts, EffectOverDose) {
    AnalysisSummary a = frontier();
    a.id = "response";
    const auto chart = analysis_chart(a);
    ASSERT_TRUE(chart);
    for (const auto& r : chart->spec.at("data").at("values")) EXPECT_EQ(r.at("x"), r.at("dose"));
    a.rows.clear();
    EXPECT_FALSE(analysis_chart(a));
}

}  // namespace
}  // namespace tiller::report
