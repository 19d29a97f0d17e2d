// Conceptors as methods (arXiv 2410.16314): the residual stream is projected softly onto the subspace that
// the activations of the task's texts span. The projection is about zero or about the mean over unrelated
// texts.
#pragma once

#include <string>
#include <vector>

#include "methods/layer_method.h"

namespace tiller {

/// Base of the methods "conceptor" and "conceptor-centred". A layer's direction is [1 + n_row][n_embd]: the
/// centre (zeros where there is none), then the conceptor's rows (Operation::project).
class ConceptorMethod : public LayerMethod {
public:
    /// The conceptor of aperture 1 and beta 1 in every layer, at most 64 rows each; builder() rescales it to
    /// other apertures. Throws usage when the centre needs unrelated texts and none are given, bad_input when
    /// there is no text to learn from, and what for_each_latent() throws.
    SteeringVector extract(const MethodInput& in) const override;
    /// "n_mean" and "n_shot" for few-shot prompts; behavioural tasks use the positives of "n_pairs" pairs.
    std::vector<std::string> counts() const override { return {"n_mean", "n_shot", "n_pairs"}; }
    /// The middle layer, aperture 1, beta 3.9, scale 1.
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    /// Layer, aperture, beta and scale. Scale 1 is the paper's edit; a smaller scale moves the activation
    /// that share of the way to its projection.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    /// Makes beta * C at the setting's layer and aperture; beta is multiplied into the rows.
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;

protected:
    /// True: projects about the mean over unrelated texts; false: about zero.
    virtual bool is_centred() const = 0;
};

}  // namespace tiller
