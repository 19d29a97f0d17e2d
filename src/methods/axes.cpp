#include <algorithm>

#include "tiller/method.h"

namespace tiller {

Axis axis_of(const std::string& name, std::span<const double> values) {
    Axis axis;
    for (const double value : values) axis.push_back({{name, value}});
    return axis;
}

std::vector<Axis> Method::axes(const ModelInfo& info, int) const {
    std::map<std::string, std::vector<double>> values;
    for (const auto& setting : grid(info, false))
        for (const auto& [name, value] : setting)
            if (auto& of = values[name]; std::find(of.begin(), of.end(), value) == of.end())
                of.push_back(value);
    std::vector<Axis> axes;
    for (const auto& [name, of] : values) axes.push_back(axis_of(name, of));
    return axes;
}

}  // namespace tiller
