// Mean-centred activations (arXiv 2312.03813): the mean over texts that show the behaviour minus
// the mean over unrelated texts. No negative texts are needed.
#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/layer_method.h"
#include "methods/provenance.h"
#include "tiller/error.h"

namespace tiller {
namespace {

class MeanCentred final : public LayerMethod {
public:
    std::string name() const override { return "mean-centred"; }
    std::string summary() const override {
        return "mean over positive texts minus the mean over unrelated texts, added at one layer (arXiv "
               "2312.03813)";
    }

    std::vector<std::string> counts() const override { return {"n_pairs"}; }

    SteeringVector extract(const MethodInput& in) const override {
        if (in.unrelated.empty())
            throw Error(Code::usage,
                        "mean-centred needs unrelated sentences, and none were given: pass the list of "
                        "load_sentences()");
        // Positives, then unrelated texts, in one list: progress then counts both.
        std::vector<std::string> texts = positives_of(in);
        const std::size_t n_positive = texts.size();
        texts.insert(texts.end(), in.unrelated.begin(), in.unrelated.end());
        std::vector<double> direction;
        for_each_latent(
            in.engine, texts, latent_options(in), [&](std::size_t i, std::span<const float> latent) {
                const double share = i < n_positive ? 1.0 / static_cast<double>(n_positive)
                                                    : -1.0 / static_cast<double>(in.unrelated.size());
                direction.resize(latent.size(), 0.0);
                for (std::size_t k = 0; k < latent.size(); ++k)
                    direction[k] += share * static_cast<double>(latent[k]);
            });
        SteeringVector v = vector_of(in, direction, prompts_digest(texts));
        set_inputs(v, in.engine.model(), texts);
        v.provenance.settings["positives"] = std::to_string(n_positive);
        v.provenance.settings["unrelated"] = std::to_string(in.unrelated.size());
        return v;
    }
};

}  // namespace

const Method& method_mean_centred() {
    static const MeanCentred method;
    return method;
}

}  // namespace tiller
