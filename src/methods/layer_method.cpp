#include "methods/layer_method.h"

#include "methods/grid_layers.h"
#include "methods/provenance.h"

namespace tiller {

Setting LayerMethod::paper_setting(const ModelInfo& info) const {
    return {{"layer", info.n_layer / 2}, {"scale", 1}};
}

std::vector<Setting> LayerMethod::grid(const ModelInfo& info, bool behavioural) const {
    const std::vector<double> scales =
        behavioural ? std::vector<double>{0.5, 1, 2} : std::vector<double>{0.5, 1, 2, 4};
    std::vector<Setting> settings;
    for (int layer : grid_layers(info.n_layer, behavioural))
        for (double scale : scales) settings.push_back({{"layer", layer}, {"scale", scale}});
    return settings;
}

std::vector<Axis> LayerMethod::axes(const ModelInfo& info, int) const {
    return {layer_axis(info.n_layer), axis_of("scale", std::vector<double>{0.25, 0.5, 1, 2, 4, 8})};
}

std::function<SteeringVector(const Setting&)> LayerMethod::builder(const Model&,
                                                                   const SteeringVector& base) const {
    const auto whole = std::make_shared<SteeringVector>(base);
    return [whole, this](const Setting& setting) {
        const int layer = static_cast<int>(setting.at("layer"));
        SteeringVector v = *whole;
        v.extraction = false;
        v.directions = {{layer, whole->directions.at(layer)}};
        v.scale = strength(setting);
        v.provenance.settings["layer"] = std::to_string(layer);
        return v;
    };
}

float LayerMethod::strength(const Setting& setting) const { return static_cast<float>(setting.at("scale")); }

SteeringVector LayerMethod::vector_of(const MethodInput& in, std::span<const double> directions,
                                      const std::string& digest) const {
    const ModelInfo& info = in.engine.info();
    const auto n_embd = static_cast<std::size_t>(info.n_embd);
    SteeringVector v;
    v.method = name();
    v.site = Site::residual;
    v.operation = Operation::add;
    v.positions = Positions::Kind::steered;
    v.extraction = true;
    for (int il = 0; il < info.n_layer; ++il) {
        const auto part = directions.subspan(static_cast<std::size_t>(il) * n_embd, n_embd);
        v.directions[il].assign(part.begin(), part.end());
    }
    set_provenance(v, info, in.task.name, digest, in.seed);
    return v;
}

}  // namespace tiller
