// Methods that extract a direction of the residual stream for every layer; a setting picks one layer and a
// scale.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// Base of these methods. Derived classes define extract(), and override the settings where theirs differ.
class LayerMethod : public Method {
public:
    /// The middle layer at scale 1.
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    /// Every layer; scales from 0.25 to 8.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    /// Makes the vector with only the base's direction of the setting's layer.
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;
    float strength(const Setting& setting) const override;
    /// The edits are at the last prompt token and later.
    bool spares_prompt() const override { return true; }

protected:
    /// An extraction of this method (SteeringVector::extraction) from `directions` [n_layer][n_embd]. They
    /// are added to the residual stream at the last prompt token and every generated token.
    SteeringVector vector_of(const MethodInput& in, std::span<const double> directions,
                             const std::string& prompts_digest) const;
};

}  // namespace tiller
