#include "report/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/names.h"
#include "core/util.h"
#include "report/chart_parts.h"
#include "report/judge.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

using Json = nlohmann::json;

/// The value with six significant digits, which is more than a chart shows and keeps the file small.
Json number(double value) {
    if (!std::isfinite(value)) return nullptr;
    const std::string text = fmt::format("{:.6g}", value);
    double rounded = 0;  // std::from_chars ignores the locale.
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return rounded;
}

Json quantitative(const char* field, const std::string& title) {
    return {{"field", field}, {"type", "quantitative"}, {"title", title}};
}

std::set<double> values_of(const std::vector<const SettingSummary*>& points, const std::string& name) {
    std::set<double> values;
    for (const auto* point : points)
        if (const auto found = point->setting.find(name); found != point->setting.end())
            values.insert(found->second);
    return values;
}

/// The fields of a point that its tooltip shows, and its interval.
Json described_point(const SettingSummary& setting, const Interval& value) {
    return {{"label", valid_utf8(setting.label.empty() ? setting.id : setting.label)},
            {"mean", number(value.mean)},
            {"low", number(value.low)},
            {"high", number(value.high)},
            {"interval", format_interval(value)},
            {"n", setting.n}};
}

/// The method's chosen setting among the test results, or nullptr.
const SettingSummary* chosen_of(const TaskSummary& task, const std::string& method) {
    for (const auto& setting : task.test)
        if (setting.method == method && setting.kind == Kind::chosen) return &setting;
    return nullptr;
}

/// Axis of a strength: logarithmic when all values are positive and span a factor of 8 or more.
Json strength_axis(const std::set<double>& values, const std::string& name) {
    Json x = quantitative("strength", name);
    const double low = *values.begin(), high = *values.rbegin();
    x["scale"] = low > 0 && high / low >= 8
                     ? Json{{"type", "log"}, {"base", 2}, {"nice", false}, {"padding", 8}}
                     : Json{{"zero", false}, {"nice", false}, {"padding", 8}};
    x["axis"] = {{"grid", false}, {"labelOverlap", true}, {"format", "~g"}};
    if (values.size() <= 12) x["axis"]["values"] = values;
    return x;
}

/// The scale of a metric over all validation points of a task, so that its methods can be compared by eye.
Json value_scale(const TaskSummary& task, const std::string& metric) {
    double least = 0, most = 0;
    for (const auto& setting : task.grid)
        if (const Interval* value = setting.metric(metric)) {
            least = std::min({least, value->mean, value->low});
            most = std::max({most, value->mean, value->high});
        }
    if (is_share(metric) && least >= 0 && most <= 1)
        return {{"domain", {0, std::max(std::ceil(10 * most - 1e-9) / 10, 0.2)}}, {"nice", false}};
    if (metric == "perplexity") return {{"type", "log"}, {"nice", false}, {"padding", 6}};
    return {{"zero", false}};
}

/// A colour for each layer; `with_legend` puts a legend above the chart.
Json layer_colour(const std::set<double>& layers, bool with_legend) {
    const bool few = layers.size() <= 9;
    Json colour = {
        {"field", "layer"},
        {"type", few ? "ordinal" : "quantitative"},
        {"title", "layer"},
        {"scale", {{"range", {"var(--early)", "var(--between)", "var(--late)"}}}},
        {"legend",
         few ? Json{{"orient", "top"}, {"symbolType", "stroke"}, {"symbolStrokeWidth", 3}, {"columns", 9}}
             : Json{{"orient", "top"}, {"gradientLength", 140}, {"gradientThickness", 8}}}};
    if (!with_legend) colour["legend"] = nullptr;
    if (few)
        colour["scale"] = {{"range", "layers"}, {"domain", layers}};  // The page makes a colour for each.
    return colour;
}

/// Lines with their points and a ring around the chosen setting; with a band for the interval unless there is
/// a line for each layer.
Json strength_lines(const Json& y, const Json& colour, bool by_layer, const std::string& shape) {
    Json y_low = y, tips = tooltip({{"label", "setting"}, {"interval", "mean, 95 %"}, {"n", "items"}});
    y_low["field"] = "low";
    Json lines = Json::array();
    if (!by_layer)
        lines.push_back({{"mark", {{"type", "area"}, {"opacity", 0.16}, {"line", false}}},
                         {"encoding", {{"y", y_low}, {"y2", {{"field", "high"}}}, {"color", colour}}}});
    lines.push_back({{"mark", {{"type", "line"}, {"strokeWidth", 1.8}, {"opacity", 0.9}}},
                     {"encoding", {{"y", y}, {"color", colour}}}});
    lines.push_back({{"mark",
                      {{"type", "point"},
                       {"filled", true},
                       {"size", 26},
                       {"opacity", 1},
                       {"shape", by_layer ? "circle" : shape}}},
                     {"encoding", {{"y", y}, {"color", colour}, {"tooltip", tips}}}});
    lines.push_back({{"transform", only_where("chosen")},
                     {"mark",
                      {{"type", "point"},
                       {"filled", false},
                       {"size", 150},
                       {"strokeWidth", 1.8},
                       {"color", "var(--ink)"},
                       {"opacity", 1}}},
                     {"encoding", {{"y", y}, {"tooltip", tips}}}});
    return lines;
}

}  // namespace

std::string strength_of(const std::vector<const SettingSummary*>& points) {
    // A method without a strength is shown over its layers.
    for (const char* name : {"alpha", "scale", "strength", "lambda", "layer"})
        if (!values_of(points, name).empty()) return name;
    return "";
}

std::vector<const SettingSummary*> grid_points(const TaskSummary& task, const std::string& method,
                                               const std::string& metric) {
    std::vector<const SettingSummary*> points;
    for (const auto& setting : task.grid) {
        const Interval* value = setting.metric(metric);
        if (setting.method == method && value && std::isfinite(value->mean)) points.push_back(&setting);
    }
    return points;
}

int outlined_heads(const TaskSummary& task) {
    double n = 10;
    bool known_of_fv = false;  // whose effects they are; other methods may rank heads by another score
    for (const auto& setting : task.test) {
        const auto heads = setting.setting.find("heads");
        const bool used =
            setting.kind == Kind::chosen || (setting.kind == Kind::condition && setting.layers.empty());
        if (!used || heads == setting.setting.end() || known_of_fv) continue;
        n = heads->second;
        known_of_fv = setting.method == "fv";
    }
    const auto known = static_cast<double>(task.top_heads.size());
    return static_cast<int>(n >= 0 ? std::min(n, known) : 0);
}

bool in_overview(const std::vector<const TaskSummary*>& tasks, const SettingSummary& setting) {
    constexpr std::size_t many = 12;
    std::set<std::string> ids;
    for (const auto* task : tasks)
        for (const auto& other : task->test) ids.insert(other.id);
    return ids.size() <= many || (setting.kind != Kind::paper && setting.kind != Kind::control);
}

Chart overview_chart(const Summary& summary, const std::vector<const TaskSummary*>& tasks,
                     const Palette& palette) {
    const std::string metric = tasks.empty() ? "" : tasks.front()->primary;
    Json rows = Json::array(), names = Json::array(), ids = Json::array();
    Json inks = Json::array(), fills = Json::array(), shapes = Json::array();
    std::set<std::string> seen;
    bool shares = is_share(metric);
    for (const auto* task : tasks) {
        const std::string name = valid_utf8(row_name(summary, *task));
        names.push_back(name);
        for (const auto& setting : task->test) {
            const Interval* value = setting.metric(metric);
            if (!value || !std::isfinite(value->mean) || !in_overview(tasks, setting)) continue;
            shares = shares && value->low >= 0 && value->high <= 1;
            Json row = described_point(setting, *value);
            row["task"] = name;
            row["id"] = valid_utf8(setting.id);
            rows.push_back(row);
            if (!seen.insert(setting.id).second) continue;
            const std::string ink = palette.colour(setting);
            ids.push_back(valid_utf8(setting.id));
            inks.push_back(ink);
            fills.push_back(is_hollow(setting) ? "var(--page)" : ink);
            shapes.push_back(palette.style(setting).shape);
        }
    }
    const auto by_id = [&](const Json& range) {
        return Json{{"field", "id"},
                    {"type", "nominal"},
                    {"legend", nullptr},
                    {"scale", {{"domain", ids}, {"range", range}}}};
    };
    Json x = quantitative("mean", metric_label(metric));
    x["scale"] = shares ? Json{{"domain", {0, 1}}} : Json{{"zero", false}};
    Json low = x;
    low["field"] = "low";
    Json spec;
    spec["data"] = {{"values", rows}};
    spec["height"] = {{"step", 9}, {"for", "offset"}};
    spec["encoding"] = {
        {"y",
         {{"field", "task"},
          {"type", "nominal"},
          {"sort", names},
          {"title", nullptr},
          {"scale", {{"paddingInner", 0.28}, {"paddingOuter", 0.14}}},
          {"axis",
           {{"grid", true},
            {"tickBand", "extent"},
            {"ticks", false},
            {"domain", false},
            {"labelLimit", 128}}}}},
        {"yOffset", {{"field", "id"}, {"type", "nominal"}, {"sort", ids}, {"scale", {{"domain", ids}}}}},
        {"tooltip",
         tooltip({{"task", "task"}, {"label", "setting"}, {"interval", "mean, 95 %"}, {"n", "items"}})}};
    spec["layer"] = Json::array(
        {{{"mark", {{"type", "rule"}, {"strokeWidth", 1.5}}},
          {"encoding", {{"x", low}, {"x2", {{"field", "high"}}}, {"color", by_id(inks)}}}},
         {{"mark", {{"type", "point"}, {"size", 46}, {"strokeWidth", 1.5}, {"opacity", 1}}},
          {"encoding",
           {{"x", x}, {"stroke", by_id(inks)}, {"fill", by_id(fills)}, {"shape", by_id(shapes)}}}}});
    return {spec, "overview-" + metric, "", 1};
}

Chart head_chart(const TaskSummary& task) {
    const int outlined = outlined_heads(task);
    std::map<std::pair<int, int>, int> ranks;
    for (std::size_t i = 0; i < task.top_heads.size(); ++i)
        ranks[{task.top_heads[i].layer, task.top_heads[i].head}] = static_cast<int>(i) + 1;
    Json rows = Json::array();
    double most = 0;
    for (std::size_t layer = 0; layer < task.aie.size(); ++layer)
        for (std::size_t head = 0; head < task.aie[layer].size(); ++head) {
            const double aie = task.aie[layer][head];
            if (!std::isfinite(aie)) continue;
            most = std::max(most, std::abs(aie));
            Json row = {{"layer", layer}, {"head", head}, {"aie", number(aie)}};
            const auto rank = ranks.find({static_cast<int>(layer), static_cast<int>(head)});
            if (rank != ranks.end()) {
                row["rank"] = rank->second;
                row["top"] = rank->second <= outlined;
            }
            rows.push_back(row);
        }
    if (!(most > 0)) most = 1;  // A scale needs a width.
    Json x = {
        {"field", "layer"},
        {"type", "ordinal"},
        {"title", "layer"},
        {"axis",
         {{"labelAngle", 0}, {"labelOverlap", true}, {"grid", false}, {"ticks", false}, {"domain", false}}}};
    Json y = {{"field", "head"},
              {"type", "ordinal"},
              {"title", "head"},
              {"axis", {{"labelOverlap", true}, {"grid", false}, {"ticks", false}, {"domain", false}}}};
    Json colour = quantitative("aie", "AIE");
    colour["scale"] = {{"domain", {number(-most), 0, number(most)}},
                       {"range", {"var(--negative)", "var(--middle)", "var(--positive)"}},
                       {"interpolate", "lab"}};
    colour["legend"] = {{"orient", "right"},
                        {"gradientLength", 76},
                        {"gradientThickness", 9},
                        {"tickCount", 3},
                        {"format", "~g"}};
    std::size_t n_head = 1;
    for (const auto& layer : task.aie) n_head = std::max(n_head, layer.size());
    Json spec;
    spec["data"] = {{"values", rows}};
    spec["height"] = {{"step", n_head > 12 ? 11 : n_head > 6 ? 16 : 22}};
    spec["encoding"] = {
        {"x", x},
        {"y", y},
        {"tooltip", tooltip({{"layer", "layer"}, {"head", "head"}, {"aie", "AIE"}, {"rank", "rank"}})}};
    spec["layer"] = Json::array(
        {{{"mark", {{"type", "rect"}, {"stroke", "var(--page)"}, {"strokeWidth", 1}}},
          {"encoding", {{"color", colour}}}},
         {{"transform", only_where("top")},
          {"mark", {{"type", "rect"}, {"fill", nullptr}, {"stroke", "var(--ink)"}, {"strokeWidth", 1.6}}}}});
    return {spec, task.name + "-heads",
            fmt::format("Average indirect effect (AIE) of each head: how much the right answer's probability "
                        "rises when the head's mean output on good prompts is patched into prompts with "
                        "shuffled labels. Outlined: the {} strongest heads.",
                        outlined),
            1};
}

Chart strength_chart(const TaskSummary& task, const std::string& method, const std::string& metric,
                     const Palette& palette) {
    const auto points = grid_points(task, method, metric);
    const std::string strength = strength_of(points);
    const auto layers = values_of(points, "layer"), heads = values_of(points, "heads"),
               pairs = values_of(points, "pairs");
    const auto strengths = values_of(points, strength);
    const SettingSummary* chosen = chosen_of(task, method);
    const bool by_layer = layers.size() > 1 && strength != "layer";
    // A panel for each number of heads; where the heads do not vary, for each number of pairs.
    const char* facet = heads.size() > 1 ? "heads" : pairs.size() > 1 ? "pairs" : nullptr;
    Json rows = Json::array();
    for (const auto* point : points) {
        const auto at = point->setting.find(strength);
        if (at == point->setting.end()) continue;
        const Interval& value = *point->metric(metric);
        Json row = described_point(*point, value);
        row["strength"] = number(at->second);
        for (const char* name : {"layer", "heads", "pairs"})
            if (const auto found = point->setting.find(name); found != point->setting.end())
                row[name] = number(found->second);
        if (chosen && chosen->setting == point->setting) row["chosen"] = true;
        rows.push_back(row);
    }
    Json x = strengths.empty() ? quantitative("strength", strength) : strength_axis(strengths, strength);
    Json y = quantitative("mean", metric_label(metric));
    y["scale"] = value_scale(task, metric);
    y["axis"] = {{"tickCount", 4}, {"format", "~g"}};
    const Json colour =
        by_layer ? layer_colour(layers, metric == task.primary) : Json{{"value", palette.colour(method)}};
    const Json lines = strength_lines(y, colour, by_layer, palette.style(method).shape);
    Json view = {{"height", 150}, {"encoding", {{"x", x}}}, {"layer", lines}};
    Json spec;
    if (facet) {
        spec = {{"facet",
                 {{"field", facet},
                  {"type", "ordinal"},
                  {"title", nullptr},
                  {"header",
                   {{"labelExpr", fmt::format("datum.value + ' {}'", facet)}, {"labelAnchor", "start"}}}}},
                {"spec", view}};
    } else {
        spec = view;
    }
    spec["data"] = {{"values", rows}};
    return {spec, fmt::format("{}-{}-{}", task.name, method, metric), "",
            static_cast<int>(!facet             ? 1
                             : heads.size() > 1 ? heads.size()
                                                : pairs.size())};
}

Chart trade_off_chart(const TaskSummary& task, const Palette& palette) {
    Json rows = Json::array(), names = Json::array(), inks = Json::array(), shapes = Json::array();
    std::set<std::string> seen;
    for (const auto& setting : task.grid) {
        const Interval* effect = setting.metric(task.primary);
        const Interval* damage = setting.metric("perplexity");
        if (!effect || !damage || !std::isfinite(effect->mean) || !(damage->mean > 0) ||
            !std::isfinite(damage->mean))
            continue;
        Json row = described_point(setting, *effect);
        row["method"] = valid_utf8(method_title(setting.method));
        row["perplexity"] = number(damage->mean);
        if (const Interval* collapsed = setting.metric("collapsed"))
            row["collapsed"] = format_interval(*collapsed);
        rows.push_back(row);
        if (!seen.insert(setting.method).second) continue;
        names.push_back(valid_utf8(method_title(setting.method)));
        inks.push_back(palette.colour(setting.method));
        shapes.push_back(palette.style(setting.method).shape);
    }
    Json x = quantitative("perplexity", "perplexity of the output (log scale)");
    x["scale"] = value_scale(task, "perplexity");
    x["axis"] = {{"tickCount", 5}, {"format", "~g"}, {"grid", false}};
    Json y = quantitative("mean", metric_label(task.primary));
    y["scale"] = value_scale(task, task.primary);
    y["axis"] = {{"tickCount", 4}, {"format", "~g"}};
    const auto by_method = [&](const Json& range) {
        return Json{{"field", "method"},
                    {"type", "nominal"},
                    {"title", nullptr},
                    {"legend", {{"orient", "top"}}},
                    {"scale", {{"domain", names}, {"range", range}}}};
    };
    Json spec;
    spec["data"] = {{"values", rows}};
    spec["height"] = 150;
    spec["mark"] = {{"type", "point"}, {"filled", true}, {"size", 42}, {"opacity", 0.85}};
    spec["encoding"] = {{"x", x},
                        {"y", y},
                        {"color", by_method(inks)},
                        {"shape", by_method(shapes)},
                        {"tooltip", tooltip({{"label", "setting"},
                                             {"interval", "mean, 95 %"},
                                             {"perplexity", "perplexity"},
                                             {"collapsed", "collapsed"},
                                             {"n", "items"}})}};
    return {spec, task.name + "-trade-off", "", 1};
}

}  // namespace tiller::report
