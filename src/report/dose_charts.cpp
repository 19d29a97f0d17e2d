#include "report/dose_charts.h"

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

using Json = nlohmann::json;

Json six_decimals(double value) {
    return std::isfinite(value) ? Json(std::round(value * 1e6) / 1e6) : Json(nullptr);
}

// A line of the chart: a method, or the random control of one.
struct Line {
    std::string label, method;
    bool is_random = false;
};

// Each line's colour: a method has the same as in the tables, random controls are grey.
Json colours_of(const std::vector<Line>& lines) {
    Summary methods;
    methods.tasks.emplace_back();
    for (const Line& line : lines)
        if (!line.is_random) methods.tasks[0].test.emplace_back().method = line.method;
    const Palette palette(methods);
    Json out = Json::array();
    for (const Line& line : lines) out.push_back(palette.colour(line.is_random ? "none" : line.method));
    return out;
}

// A line for each method: the effect against the column `x_name`. Every line begins at (0, 0), because dose 0
// has no effect and does no damage.
Chart lines(const AnalysisSummary& a, const char* x_name, const char* x_title, const char* y_title,
            const char* name, const char* caption) {
    std::vector<Line> shown;
    Json rows = Json::array(), labels = Json::array();
    for (const auto& row : a.rows) {
        const Interval dose = a.at(row, "dose"), effect = a.at(row, "effect"), at = a.at(row, x_name);
        const auto method = row.about.find("method"), role = row.about.find("role");
        if (method == row.about.end() || !std::isfinite(dose.mean) || !std::isfinite(effect.mean) ||
            !std::isfinite(at.mean))
            continue;
        const Line line = {valid_utf8(row.label), method->second,
                           role != row.about.end() && role->second == "control"};
        const auto add = [&](double d, const Interval& x, const Interval& y) {
            rows.push_back({{"method", line.label},
                            {"random", line.is_random},
                            {"dose", six_decimals(d)},
                            {"x", six_decimals(x.mean)},
                            {"effect", six_decimals(y.mean)},
                            {"low", six_decimals(y.low)},
                            {"high", six_decimals(y.high)},
                            {"x text", std::isfinite(x.low) ? format_interval(x) : format_plain(x.mean)},
                            {"effect text", format_interval(y)}});
        };
        if (std::find(labels.begin(), labels.end(), line.label) == labels.end()) {
            shown.push_back(line);
            labels.push_back(line.label);
            add(0, {0, 0, 0}, {0, 0, 0});
        }
        add(dose.mean, at, effect);
    }
    const Json colour = {{"field", "method"},
                         {"type", "nominal"},
                         {"title", nullptr},
                         {"legend", {{"orient", "top"}, {"columns", 4}, {"labelLimit", 240}}},
                         {"scale", {{"domain", labels}, {"range", colours_of(shown)}}}};
    const Json x = {{"field", "x"},
                    {"type", "quantitative"},
                    {"title", x_title},
                    {"scale", {{"zero", true}, {"nice", false}, {"padding", 8}}},
                    {"axis", {{"grid", false}, {"format", "~g"}, {"labelOverlap", true}, {"tickCount", 10}}}};
    const Json y = {{"field", "effect"},
                    {"type", "quantitative"},
                    {"title", y_title},
                    {"scale", {{"zero", true}}},
                    {"axis", {{"tickCount", 5}, {"format", "~g"}}}};
    Json low = y;
    low["field"] = "low";
    const Json dash = {{"condition", {{"test", "datum.random"}, {"value", {4, 3}}}}, {"value", {1, 0}}};
    Json spec;
    spec["data"] = {{"values", rows}};
    spec["height"] = 220;
    spec["encoding"] = {{"x", x}, {"color", colour}};
    spec["layer"] = Json::array(
        {{{"mark", {{"type", "rule"}, {"strokeWidth", 1}, {"opacity", 0.45}}},
          {"encoding", {{"y", low}, {"y2", {{"field", "high"}}}}}},
         {{"mark", {{"type", "line"}, {"strokeWidth", 1.8}}},
          {"encoding",
           {{"y", y}, {"order", {{"field", "dose"}, {"type", "quantitative"}}}, {"strokeDash", dash}}}},
         {{"mark", {{"type", "point"}, {"filled", true}, {"size", 44}, {"opacity", 1}}},
          {"encoding",
           {{"y", y},
            {"tooltip", Json::array({Json{{"field", "method"}, {"title", "method"}},
                                     Json{{"field", "dose"}, {"title", "dose, nats"}},
                                     Json{{"field", "effect text"}, {"title", "effect, 95 %"}},
                                     Json{{"field", "x text"}, {"title", x_name}}})}}}}});
    return {spec, name, caption, 1};
}

}  // namespace

Chart frontier_chart(const AnalysisSummary& analysis) {
    return lines(analysis, "damage", "damage: first tokens lost on the unrelated task (share)",
                 "effect (share gained)", "frontier",
                 "Effect against damage; along each line the dose rises from none. Up and to the left is "
                 "better. Dashed and grey: random directions. Bars: 95 % intervals of the effect.");
}

Chart response_chart(const AnalysisSummary& analysis) {
    return lines(analysis, "dose", "dose: KL to the unsteered model (nats)", "effect (share gained)",
                 "response",
                 "Effect against dose. Dashed and grey: random directions. Bars: 95 % intervals.");
}

}  // namespace tiller::report
