// Conceptors as methods (arXiv 2410.16314): activations are projected softly on the subspace that those of
// the task's texts span, about zero or about the mean over unrelated texts.
#pragma once

#include <string>
#include <vector>

#include "methods/layer_method.h"

namespace tiller {

class ConceptorMethod : public LayerMethod {
public:
    /// The conceptor of aperture 1 in every layer, which those of other apertures are made from; at most 64
    /// rows each.
    SteeringVector extract(const MethodInput& in) const override;
    /// Few-shot prompts, or the positives of pairs.
    std::vector<std::string> counts() const override { return {"n_mean", "n_shot", "n_pairs"}; }
    /// The middle layer, aperture 1, beta 3.9, scale 1.
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    /// Layer, aperture, beta and scale, of which 1 is the paper's edit and less goes a part of the way.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    /// beta C of the setting's layer and aperture; beta is part of the rows.
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;

protected:
    /// About the mean over unrelated texts instead of zero.
    virtual bool is_centred() const = 0;
};

}  // namespace tiller
