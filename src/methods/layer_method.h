// Methods whose vector is one direction per layer of the residual stream, of which a setting picks one layer
// and a scale.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

class LayerMethod : public Method {
public:
    /// The middle layer at scale 1.
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    /// Every layer, scales from a quarter to eight.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    /// The base's direction of the setting's layer.
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;
    float strength(const Setting& setting) const override;
    /// The edits are at the last prompt token and later.
    bool spares_prompt() const override { return true; }

protected:
    /// A raw extraction of this method, whose vectors are added to the residual stream at the last prompt
    /// token and every generated one; `directions` is [n_layer][n_embd].
    SteeringVector vector_of(const MethodInput& in, std::span<const double> directions,
                             const std::string& prompts_digest) const;
};

}  // namespace tiller
