// Conceptors as methods (arXiv 2410.16314): activations are projected softly on the subspace that those of
// the task's texts span, about zero or about the mean over unrelated texts.
#pragma once

#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

class ConceptorMethod : public Method {
public:
    /// The conceptor of aperture 1 in every layer, which those of other apertures are made from; at most 64
    /// rows each.
    SteeringVector extract(const MethodInput& in) const override;
    /// The middle layer, aperture 1, beta 3.9, scale 1.
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    /// Layer, aperture, beta and scale.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    /// beta C of the setting's layer and aperture; beta is part of the rows.
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;
    /// The scale: 1 is the paper's edit, less goes a part of the way.
    float strength(const Setting& setting) const override;
    bool spares_prompt() const override { return true; }

protected:
    /// About the mean over unrelated texts instead of zero.
    virtual bool is_centred() const = 0;
};

}  // namespace tiller
