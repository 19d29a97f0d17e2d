#include "report/crossed_charts.h"

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "report/chart_parts.h"
#include "report/numbers.h"

namespace tiller::report {

using Json = nlohmann::json;

Chart part_bars(const AnalysisSummary& analysis) {
    std::size_t column = 0;
    const auto has_bars = [&](std::size_t k) {
        return std::any_of(analysis.rows.begin(), analysis.rows.end(), [&](const AnalysisRow& row) {
            return std::isfinite(row.values[k].low) && row.values[k].low < row.values[k].high;
        });
    };
    while (column + 1 < analysis.columns.size() && !has_bars(column)) ++column;
    const std::string what =
        analysis.id == "factors" ? "share of the differences between cells: " : "part of the gap: ";
    Json rows = Json::array(), labels = Json::array();
    for (const auto& row : analysis.rows) {
        const Interval& value = row.values[column];
        if (!std::isfinite(value.mean)) continue;
        labels.push_back(valid_utf8(row.label));
        rows.push_back({{"label", labels.back()},
                        {"mean", rounded(value.mean)},
                        {"low", rounded(value.low)},
                        {"high", rounded(value.high)},
                        {"remark", valid_utf8(row.remark)},
                        {"interval", format_interval(value)}});
    }
    const Json y = {{"field", "label"},
                    {"type", "nominal"},
                    {"sort", labels},
                    {"title", nullptr},
                    {"axis", {{"grid", false}, {"ticks", false}, {"domain", false}, {"labelLimit", 170}}}};
    const Json x = {{"field", "mean"},
                    {"type", "quantitative"},
                    {"title", what + valid_utf8(analysis.columns[column].label)},
                    {"axis", {{"tickCount", 5}, {"format", "~g"}}}};
    Json low = x;
    low["field"] = "low";
    Json spec;
    spec["data"] = {{"values", rows}};
    spec["height"] = {{"step", 20}};
    spec["encoding"] = {
        {"y", y},
        {"tooltip", Json::array({Json{{"field", "label"}, {"title", valid_utf8(analysis.head)}},
                                 Json{{"field", "interval"}, {"title", "95 %"}},
                                 Json{{"field", "remark"}, {"title", "remark"}}})}};
    spec["layer"] = Json::array(
        {{{"mark", {{"type", "bar"}, {"height", 11}, {"color", "var(--positive)"}, {"opacity", 0.75}}},
          {"encoding", {{"x", x}}}},
         {{"mark", {{"type", "rule"}, {"strokeWidth", 1.5}, {"color", "var(--ink)"}}},
          {"encoding", {{"x", low}, {"x2", {{"field", "high"}}}}}}});
    return {spec, analysis.id, "", 1};
}

}  // namespace tiller::report
