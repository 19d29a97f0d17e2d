#include "report/sweep_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "report/chart_parts.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

using Json = nlohmann::json;

Json rows_of(const SweepColumn& column, bool filtered) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < column.cells.size(); ++i) {
        const SweepCell& cell = column.cells[i];
        const SweepScore& score = filtered ? cell.filtered : cell.all;
        rows.push_back(
            {{"heads", cell.heads},
             {"layer", cell.layer},
             {"scale", cell.scale},
             {"mean", rounded(score.first_token.mean)},
             {"interval", format_interval(score.first_token)},
             {"logprob", score.n > score.n_broken ? format_value(score.logprob.mean) : "n/a"},
             {"n", score.n},
             {"best", i == column.best},
             {"unsteered",
              rounded((filtered ? column.unsteered.filtered : column.unsteered.all).first_token.mean)}});
    }
    return rows;
}

Json tips() {
    return tooltip({{"heads", "heads"},
                    {"layer", "layer"},
                    {"scale", "scale"},
                    {"interval", "first token, 95 %"},
                    {"logprob", "log p"},
                    {"n", "items"}});
}

// `inner` in a panel for each strength.
Json by_scale(const Sweep& sweep, const Json& rows, Json inner) {
    return panels(rows, "scale", "ordinal", sweep.plan.scales, {{"labelExpr", "'scale ' + datum.value"}},
                  std::move(inner));
}

Json category_axis() {
    return {{"labelAngle", 0}, {"labelOverlap", true}, {"grid", false}, {"ticks", false}, {"domain", false}};
}

Json share(const char* title) {
    return {{"field", "mean"},
            {"type", "quantitative"},
            {"title", title},
            {"scale", {{"domain", {0, 1}}}},
            {"axis", {{"tickCount", 4}, {"format", "~g"}}}};
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    return values;
}

// Lines over the setting `along`, one for each value of the setting `by`; the unsteered model is a dashed
// line.
Chart lines(const Sweep& sweep, const SweepColumn& column, const char* along, const char* by,
            const std::vector<int>& along_values, const std::vector<int>& by_values) {
    Json x = {{"field", along},
              {"type", "quantitative"},
              {"title", std::string(along) == "heads" ? "heads (log scale)" : along},
              {"axis", {{"grid", false}, {"labelOverlap", true}, {"format", "~g"}, {"tickMinStep", 1}}}};
    const auto [low, high] = std::minmax_element(along_values.begin(), along_values.end());
    x["scale"] = std::string(along) == "heads" && *high >= 8 * *low
                     ? Json{{"type", "log"}, {"base", 2}, {"nice", false}, {"padding", 6}}
                     : Json{{"zero", false}, {"nice", false}, {"padding", 6}};
    if (std::string(along) == "heads") x["axis"]["values"] = along_values;
    const bool few = by_values.size() <= 9;
    Json colour = {{"field", by}, {"type", few ? "ordinal" : "quantitative"}, {"title", by}};
    colour["scale"] = few ? Json{{"range", "layers"}, {"domain", sorted(by_values)}}
                          : Json{{"range", {"var(--early)", "var(--between)", "var(--late)"}}};
    colour["legend"] =
        few ? Json{{"orient", "top"}, {"symbolType", "stroke"}, {"symbolStrokeWidth", 3}, {"columns", 9}}
            : Json{{"orient", "top"}, {"gradientLength", 140}, {"gradientThickness", 8}};
    Json dashed = share("first token");
    dashed["field"] = "unsteered";
    dashed["aggregate"] = "min";
    Json inner;
    inner["height"] = 150;
    inner["layer"] = Json::array(
        {{{"mark", {{"type", "rule"}, {"strokeDash", {4, 3}}, {"stroke", "var(--quiet)"}}},
          {"encoding", {{"y", dashed}}}},
         {{"mark", {{"type", "line"}, {"strokeWidth", 1.6}, {"point", {{"size", 22}, {"filled", true}}}}},
          {"encoding",
           {{"x", x},
            {"y", share("first token")},
            {"color", colour},
            {"detail", {{"field", by}, {"type", "ordinal"}}},
            {"tooltip", tips()}}}}});
    return {by_scale(sweep, rows_of(column, false), inner),
            fmt::format("{}-{}-by-{}", sweep.task, sweep_context_name(column.context), along),
            fmt::format("First-token accuracy by {}. Dashed: the unsteered model.",
                        std::string(along) == "heads" ? "number of heads" : along),
            static_cast<int>(sweep.plan.scales.size())};
}

}  // namespace

Chart sweep_heat_map(const Sweep& sweep, const SweepColumn& column, bool filtered) {
    Json colour = {
        {"field", "mean"},
        {"type", "quantitative"},
        {"title", nullptr},
        {"scale",
         {{"domain", {0, 1}}, {"range", {"var(--middle)", "var(--positive)"}}, {"interpolate", "lab"}}},
        {"legend",
         {{"orient", "top"},
          {"gradientLength", 140},
          {"gradientThickness", 8},
          {"tickCount", 3},
          {"format", "~g"}}}};
    const Json x = {{"field", "layer"}, {"type", "ordinal"}, {"title", "layer"}, {"axis", category_axis()}};
    const Json y = {{"field", "heads"},
                    {"type", "ordinal"},
                    {"title", "heads"},
                    {"sort", "descending"},
                    {"axis", category_axis()}};
    Json inner;
    inner["height"] = {{"step", 20}};
    inner["encoding"] = {{"x", x}, {"y", y}, {"tooltip", tips()}};
    inner["layer"] = Json::array(
        {{{"mark", {{"type", "rect"}, {"stroke", "var(--page)"}, {"strokeWidth", 1}}},
          {"encoding", {{"color", colour}}}},
         {{"transform", only_where("best")},
          {"mark", {{"type", "rect"}, {"fill", nullptr}, {"stroke", "var(--ink)"}, {"strokeWidth", 1.8}}}}});
    const SweepScore& none = filtered ? column.unsteered.filtered : column.unsteered.all;
    return {
        by_scale(sweep, rows_of(column, filtered), inner),
        fmt::format("{}-{}{}", sweep.task, sweep_context_name(column.context), filtered ? "-filtered" : ""),
        fmt::format("First-token accuracy on {} {} items by layer and number of heads, a panel for each "
                    "strength. Unsteered: {}. Outlined: the best setting over all items.",
                    none.n, filtered ? "filtered" : "test",
                    none.n > 0 ? format_interval(none.first_token) : "n/a"),
        static_cast<int>(sweep.plan.scales.size())};
}

Chart sweep_layer_lines(const Sweep& sweep, const SweepColumn& column) {
    return lines(sweep, column, "layer", "heads", sweep.plan.layers, sweep.plan.heads);
}

Chart sweep_head_lines(const Sweep& sweep, const SweepColumn& column) {
    return lines(sweep, column, "heads", "layer", sweep.plan.heads, sweep.plan.layers);
}

Chart task_matrix(const std::vector<std::string>& tasks, const std::vector<std::vector<double>>& values,
                  const std::vector<std::vector<Interval>>& intervals, const std::string& name,
                  const std::string& rows, const std::string& columns, const std::string& value,
                  const std::string& caption) {
    Json data = Json::array(), names = Json::array();
    for (const auto& task : tasks) names.push_back(valid_utf8(task));
    for (std::size_t a = 0; a < tasks.size(); ++a)
        for (std::size_t b = 0; b < tasks.size(); ++b)
            data.push_back({{"a", names[a]},
                            {"b", names[b]},
                            {"mean", rounded(values[a][b])},
                            {"text", format_value(values[a][b])},
                            {"interval", intervals.empty() ? format_value(values[a][b])
                                                           : format_interval(intervals[a][b])},
                            {"dark", values[a][b] > 0.6}});
    const auto axis = [&](const char* field, const std::string& title, int angle) {
        return names_axis(field, title, names, {{"labelAngle", angle}, {"labelLimit", 150}});
    };
    Json spec;
    spec["data"] = {{"values", data}};
    spec["height"] = {{"step", 34}};
    spec["encoding"] = {
        {"x", axis("b", columns, -35)},
        {"y", axis("a", rows, 0)},
        {"tooltip", tooltip({{"a", rows.c_str()}, {"b", columns.c_str()}, {"interval", value.c_str()}})}};
    spec["layer"] =
        heat_cells({{"domain", {0, 1}}, {"range", {"var(--middle)", "var(--positive)"}}}, 12, "dark");
    return {spec, name, caption, 1};
}

}  // namespace tiller::report
