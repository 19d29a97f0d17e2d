#include "report/transfer_charts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/util.h"
#include "report/chart_parts.h"
#include "report/numbers.h"

namespace tiller::report {
namespace {

using Json = nlohmann::json;

Json panels_of_methods(const Json& data, const Json& methods, Json inner) {
    return panels(data, "method", "nominal", methods, Json::object(), std::move(inner));
}

Json axis_of(const char* field, const Json& names, int angle) {
    return names_axis(field, nullptr, names,
                      {{"labelAngle", angle}, {"labelLimit", 110}, {"labelFontSize", 11}});
}

}  // namespace

Chart form_heat_map(const AnalysisSummary& analysis) {
    Json data = Json::array(), methods = Json::array(), sources = Json::array(), places = Json::array();
    for (const auto& column : analysis.columns) places.push_back(valid_utf8(column.id));
    double most = 0;
    for (const auto& row : analysis.rows) {
        if (!row.about.contains("from") || row.about.contains("role")) continue;
        const std::string method = valid_utf8(row.about.at("method")),
                          source = valid_utf8(row.about.at("from"));
        add_once(methods, method);
        add_once(sources, source);
        for (std::size_t i = 0; i < row.values.size() && i < places.size(); ++i) {
            const Interval& value = row.values[i];
            if (!std::isfinite(value.mean)) continue;
            most = std::max(most, std::abs(value.mean));
            data.push_back({{"method", method},
                            {"source", source},
                            {"place", places[i]},
                            {"mean", rounded(value.mean)},
                            {"text", format_value(value.mean)},
                            {"interval", format_interval(value)}});
        }
    }
    if (!(most > 0)) most = 1;  // a scale needs a width
    for (auto& cell : data) cell["strong"] = std::abs(cell["mean"].get<double>()) > 0.6 * most;
    Json inner;
    inner["height"] = {{"step", 24}};
    inner["encoding"] = {{"x", axis_of("place", places, -40)},
                         {"y", axis_of("source", sources, 0)},
                         {"tooltip", tooltip({{"source", "from"}, {"place", "in"}, {"interval", "95 %"}})}};
    inner["layer"] = heat_cells({{"domain", {rounded(-most), 0, rounded(most)}},
                                 {"range", {"var(--negative)", "var(--middle)", "var(--positive)"}}},
                                10, "strong");
    return {panels_of_methods(data, methods, inner), analysis.id,
            analysis.title + ". Down: where a vector was taken; across: where it is applied.",
            static_cast<int>(std::max<std::size_t>(1, std::min<std::size_t>(3, methods.size())))};
}

Chart shots_chart(const AnalysisSummary& analysis) {
    Json data = Json::array(), methods = Json::array();
    for (const auto& row : analysis.rows) {
        const auto shots = row.setting.find("shots");
        if (shots == row.setting.end()) continue;
        const std::string method = valid_utf8(row.about.at("method"));
        add_once(methods, method);
        for (const auto& [column, who] :
             {std::pair("logprob_without", "unsteered"), std::pair("logprob_with", "with the vector")}) {
            const Interval value = analysis.at(row, column);
            if (!std::isfinite(value.mean)) continue;
            data.push_back({{"method", method},
                            {"shots", static_cast<int>(shots->second)},
                            {"who", who},
                            {"mean", rounded(value.mean)},
                            {"low", rounded(value.low)},
                            {"high", rounded(value.high)},
                            {"interval", format_interval(value)}});
        }
    }
    const Json x = {{"field", "shots"},
                    {"type", "ordinal"},
                    {"title", "demonstrations"},
                    {"axis", {{"labelAngle", 0}, {"grid", false}}}};
    const auto y = [](const char* field) {
        return Json{{"field", field},
                    {"type", "quantitative"},
                    {"title", "log p"},
                    {"axis", {{"tickCount", 4}, {"format", "~g"}}}};
    };
    const Json colour = {
        {"field", "who"},
        {"type", "nominal"},
        {"title", nullptr},
        {"scale",
         {{"domain", {"unsteered", "with the vector"}}, {"range", {"var(--quiet)", "var(--positive)"}}}},
        {"legend", {{"orient", "top"}}}};
    Json low = y("low");
    Json inner;
    inner["height"] = 150;
    inner["encoding"] = {
        {"x", x},
        {"color", colour},
        {"tooltip", tooltip({{"who", "prompt"}, {"shots", "demonstrations"}, {"interval", "log p, 95 %"}})}};
    inner["layer"] = Json::array(
        {{{"mark", {{"type", "rule"}, {"strokeWidth", 1}}},
          {"encoding", {{"y", low}, {"y2", {{"field", "high"}}}}}},
         {{"mark", {{"type", "line"}, {"strokeWidth", 1.6}, {"point", {{"size", 26}, {"filled", true}}}}},
          {"encoding", {{"y", y("mean")}}}}});
    return {panels_of_methods(data, methods, inner), analysis.id,
            "Log-probability of the right answer by number of demonstrations, with and without the vector.",
            static_cast<int>(std::max<std::size_t>(1, methods.size()))};
}

}  // namespace tiller::report
