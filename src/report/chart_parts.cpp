#include "report/chart_parts.h"

#include <algorithm>
#include <cmath>

namespace tiller::report {

using Json = nlohmann::json;

Json rounded(double value) { return std::isfinite(value) ? Json(std::round(value * 1e4) / 1e4) : Json(); }

void add_once(Json& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

Json tooltip(std::initializer_list<std::pair<const char*, const char*>> fields) {
    Json out = Json::array();
    for (const auto& [field, title] : fields) out.push_back({{"field", field}, {"title", title}});
    return out;
}

Json only_where(const char* flag) {
    return Json::array({Json{{"filter", {{"field", flag}, {"equal", true}}}}});
}

Json panels(const Json& data, const char* field, const char* type, const Json& values, Json header,
            Json inner) {
    header["labelAnchor"] = "start";
    Json spec;
    spec["data"] = {{"values", data}};
    spec["facet"] = {
        {"field", field}, {"type", type}, {"title", nullptr}, {"sort", values}, {"header", header}};
    spec["spec"] = std::move(inner);
    return spec;
}

Json names_axis(const char* field, const Json& title, const Json& names, Json look) {
    look.update({{"grid", false}, {"ticks", false}, {"domain", false}});
    return {{"field", field}, {"type", "nominal"}, {"title", title}, {"sort", names}, {"axis", look}};
}

Json heat_cells(Json scale, int font_size, const char* dark) {
    scale["interpolate"] = "lab";
    const Json colour = {
        {"field", "mean"}, {"type", "quantitative"}, {"legend", nullptr}, {"scale", std::move(scale)}};
    const Json ink = {{"condition", {{"test", std::string("datum.") + dark}, {"value", "var(--page)"}}},
                      {"value", "var(--ink)"}};
    return Json::array(
        {{{"mark", {{"type", "rect"}, {"stroke", "var(--page)"}, {"strokeWidth", 1}}},
          {"encoding", {{"color", colour}}}},
         {{"mark", {{"type", "text"}, {"fontSize", font_size}}},
          {"encoding", {{"text", {{"field", "text"}, {"type", "nominal"}}}, {"color", ink}}}}});
}

}  // namespace tiller::report
