#include "report/dose_charts.h"

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "core/util.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

using Json = nlohmann::json;

Json number(double value) {
    return std::isfinite(value) ? Json(std::round(value * 1e6) / 1e6) : Json(nullptr);
}

bool is_random(const std::string& label) { return label.starts_with("random for "); }

// A method's own colour, as the tables have it; random controls are grey.
Json colours_of(const std::vector<std::string>& labels) {
    Summary methods;
    methods.tasks.emplace_back();
    const auto name_of = [](const std::string& label) -> std::string {
        for (const char* known : {"fv", "icv"})
            if (method_title(known) == label) return known;
        return label;
    };
    for (const auto& label : labels)
        if (!is_random(label)) {
            SettingSummary setting;
            setting.method = name_of(label);
            methods.tasks[0].test.push_back(setting);
        }
    const Palette palette(methods);
    Json out = Json::array();
    for (const auto& label : labels)
        out.push_back(palette.colour(is_random(label) ? "none" : name_of(label)));
    return out;
}

// Place of a column; the tables of this protocol have all that are asked for.
std::size_t column(const AnalysisSummary& a, const char* name) {
    const auto found = std::find(a.columns.begin(), a.columns.end(), name);
    return static_cast<std::size_t>(found - a.columns.begin());
}

// One line per method over `x_name`, from where no dose gets nothing and costs nothing.
Chart lines(const AnalysisSummary& a, const char* x_name, const char* x_title, const char* y_title,
            const char* name, const char* caption) {
    const std::size_t dose = column(a, "dose"), effect = column(a, "effect"), at = column(a, x_name);
    std::vector<std::string> labels;
    Json rows = Json::array();
    const auto has = [](const AnalysisRow& row, std::size_t c) {
        return c < row.values.size() && std::isfinite(row.values[c].mean);
    };
    for (const auto& row : a.rows) {
        if (!has(row, dose) || !has(row, effect) || !has(row, at)) continue;
        const std::string label = valid_utf8(row.label);
        const auto add = [&](double d, const Interval& x, const Interval& y) {
            rows.push_back({{"method", label},
                            {"random", is_random(label)},
                            {"dose", number(d)},
                            {"x", number(x.mean)},
                            {"effect", number(y.mean)},
                            {"low", number(y.low)},
                            {"high", number(y.high)},
                            {"x text", std::isfinite(x.low) ? format_interval(x) : format_plain(x.mean)},
                            {"effect text", format_interval(y)}});
        };
        if (std::find(labels.begin(), labels.end(), label) == labels.end()) {
            labels.push_back(label);
            add(0, {0, 0, 0}, {0, 0, 0});
        }
        add(row.values[dose].mean, row.values[at], row.values[effect]);
    }
    const Json colour = {{"field", "method"},
                         {"type", "nominal"},
                         {"title", nullptr},
                         {"legend", {{"orient", "top"}, {"columns", 4}, {"labelLimit", 240}}},
                         {"scale", {{"domain", labels}, {"range", colours_of(labels)}}}};
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
    return lines(
        analysis, "damage", "damage: first tokens lost on the unrelated task (share)",
        "effect (share gained)", "frontier",
        "Effect against damage; along each line the dose rises from none. Up and to the left is better. "
        "Dashed and grey: random directions. Bars: 95 % intervals of the effect.");
}

Chart response_chart(const AnalysisSummary& analysis) {
    return lines(analysis, "dose", "dose: KL to the unsteered model (nats)", "effect (share gained)",
                 "response",
                 "Effect against dose. Dashed and grey: random directions. Bars: 95 % intervals.");
}

}  // namespace tiller::report
