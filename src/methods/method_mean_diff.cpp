// Mean difference of paired texts (CAA, arXiv 2312.06681, eq. 1; ActAdd, arXiv 2308.10248, is the same
// with one pair).
#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/layer_method.h"
#include "methods/predictors.h"
#include "methods/provenance.h"

namespace tiller {
namespace {

class MeanDifference final : public LayerMethod {
public:
    std::string name() const override { return "mean-diff"; }
    std::string summary() const override {
        return "mean difference of paired texts at their last token, added at one layer (arXiv 2312.06681)";
    }

    std::vector<std::string> counts() const override { return {"n_pairs"}; }

    SteeringVector extract(const MethodInput& in) const override {
        const auto pairs = pairs_of(in);
        const auto latents = pair_latents(in.engine, pairs, latent_options(in));
        SteeringVector v = vector_of(in, mean_row(latents.differences()), prompts_digest(pairs));
        set_predictors(v, pair_predictors(latents.negative, latents.positive, in.engine.info().n_embd));
        set_inputs(v, in.engine.model(), texts_of(pairs));
        v.provenance.settings["pairs"] = std::to_string(pairs.size());
        return v;
    }

    // The paper's layer is 13 of the 32 of Llama-2-7b.
    Setting paper_setting(const ModelInfo& info) const override {
        return {{"layer", 13 * info.n_layer / 32}, {"scale", 1}};
    }
};

}  // namespace

const Method& method_mean_diff() {
    static const MeanDifference method;
    return method;
}

}  // namespace tiller
