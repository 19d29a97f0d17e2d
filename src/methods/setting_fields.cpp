// The numbers in a method's settings: their meaning and their ranges.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Known {
    const char* name;
    const char* meaning;
};

constexpr Known kKnown[] = {
    {"alpha", "strength of the turn; 0 leaves the model as it is"},
    {"aperture", "how much of the activations' space the conceptor keeps"},
    {"beta", "factor of the projected activation"},
    {"heads", "attention heads that are summed, the strongest first"},
    {"layer", "edited layer, counted from 0"},
    {"layer_begin", "first edited layer, counted from 0"},
    {"layer_end", "end of the edited layers, exclusive"},
    {"pairs", "pairs that the vector is extracted from"},
    {"scale", "strength; 0 leaves the model as it is, 1 is the vector as extracted"},
};

// The range of a number by its name; meaning and tried values are left empty.
SettingField bounds_of(const std::string& name, const ModelInfo& info, int n_pairs) {
    const auto counted = [&](int low, int high, int usual) {
        return SettingField{
            name, "", static_cast<double>(low), static_cast<double>(high), true, static_cast<double>(usual),
            {}};
    };
    if (name == "layer") return counted(0, info.n_layer - 1, 0);
    if (name == "layer_begin") return counted(0, info.n_layer - 1, 0);
    if (name == "layer_end") return counted(1, info.n_layer, info.n_layer);
    if (name == "heads") return counted(1, info.n_head_total(), 1);
    if (name == "pairs") return counted(1, n_pairs, n_pairs);
    // They must be above 0; with less than 0.001 the projection keeps almost nothing.
    if (name == "aperture" || name == "beta") return {name, "", 0.001, kInfinity, false, 1, {}};
    return {name, "", -kInfinity, kInfinity, false, 0, {}};
}

std::string range_text(const SettingField& field) {
    const char* kind = field.whole ? "a whole number" : "a finite number";
    if (std::isinf(field.low)) return kind;
    if (std::isinf(field.high)) return fmt::format("{} of at least {}", kind, field.low);
    return fmt::format("{} from {} to {}", kind, field.low, field.high);
}

bool is_possible(const SettingField& field, double value) {
    return std::isfinite(value) && value >= field.low && value <= field.high &&
           (!field.whole || value == std::floor(value));
}

}  // namespace

std::string Method::meaning(const std::string& name) const {
    for (const auto& known : kKnown)
        if (name == known.name) return known.meaning;
    return "a number of this method's own";
}

std::vector<SettingField> setting_fields(const Method& method, const ModelInfo& info, int n_pairs) {
    const Setting paper = method.paper_setting(info);
    std::map<std::string, std::set<double>> values;
    for (const auto& [name, value] : paper) values[name];
    for (const auto& axis : method.axes(info, n_pairs))
        for (const auto& choice : axis)
            for (const auto& [name, value] : choice) values[name].insert(value);
    std::vector<SettingField> fields;
    for (const auto& [name, tried] : values) {
        fields.push_back(bounds_of(name, info, n_pairs));
        auto& field = fields.back();
        field.meaning = method.meaning(name);
        field.tried.assign(tried.begin(), tried.end());
        if (const auto usual = paper.find(name); usual != paper.end()) field.usual = usual->second;
    }
    return fields;
}

Setting complete_setting(const Method& method, const ModelInfo& info, int n_pairs, const Setting& given) {
    const auto fields = setting_fields(method, info, n_pairs);
    Setting setting = method.paper_setting(info);
    for (const auto& [name, value] : given) {
        // `wanted` is a new name for `name`, because clang 14 cannot capture structured bindings.
        const auto field = std::find_if(fields.begin(), fields.end(),
                                        [&wanted = name](const auto& f) { return f.name == wanted; });
        if (field == fields.end()) {
            std::vector<std::string> names;
            for (const auto& f : fields) names.push_back(f.name);
            throw Error(Code::usage, fmt::format("{} has no setting \"{}\"; it has {}", method.name(), name,
                                                 fmt::join(names, ", ")));
        }
        if (!is_possible(*field, value))
            throw Error(Code::usage, fmt::format("{} = {} for {}: expected {} ({})", name, value,
                                                 method.name(), range_text(*field), field->meaning));
        setting[name] = value;
    }
    // A range of layers needs both ends: one that was not given gets its default.
    if (setting.contains("layer_begin") || setting.contains("layer_end")) {
        const auto begin = setting.emplace("layer_begin", 0).first->second;
        const auto end = setting.emplace("layer_end", info.n_layer).first->second;
        if (begin >= end)
            throw Error(Code::usage,
                        fmt::format("layer_begin = {}, layer_end = {} for {}: expected a beginning before "
                                    "the end, which is exclusive",
                                    begin, end, method.name()));
    }
    return setting;
}

}  // namespace tiller
