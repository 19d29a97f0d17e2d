// Reading vectors of representation engineering (arXiv 2310.01405, section 3.1): the first principal
// direction of the pairs' differences, layer by layer.
#include <cmath>

#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/layer_method.h"
#include "methods/predictors.h"
#include "methods/principal_direction.h"
#include "methods/provenance.h"

namespace tiller {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

class ReadingVectors final : public LayerMethod {
public:
    std::string name() const override { return "repe"; }
    std::string summary() const override {
        return "first principal direction of paired texts' differences, added at one layer (arXiv "
               "2310.01405)";
    }

    std::vector<std::string> counts() const override { return {"n_pairs"}; }

    SteeringVector extract(const MethodInput& in) const override {
        const auto pairs = pairs_of(in);
        const auto latents = pair_latents(in.engine, pairs, latent_options(in));
        auto differences = latents.differences();
        std::vector<double> directions = mean_row(differences);
        // The paper flips the sign of every second difference. Centring then keeps what all differences have
        // in common instead of subtracting it.
        for (std::size_t i = 1; i < differences.size(); i += 2)
            for (float& value : differences[i]) value = -value;
        const auto n_embd = static_cast<std::size_t>(in.engine.info().n_embd);
        for (std::size_t at = 0; at < directions.size(); at += n_embd) {
            std::vector<std::span<const float>> rows;
            for (const auto& difference : differences)
                rows.push_back(std::span(difference).subspan(at, n_embd));
            const auto component = principal_direction(rows).component;
            if (component.empty()) continue;  // one pair, or equal texts: keep the mean difference
            const auto mean = std::span(directions).subspan(at, n_embd);
            // The sign is such that positives project higher on average. The length is that of the mean
            // difference, so that a scale means the same as for mean-diff.
            const double factor = std::copysign(std::sqrt(dot(mean, mean)), dot(component, mean));
            for (std::size_t e = 0; e < n_embd; ++e) mean[e] = factor * component[e];
        }
        SteeringVector v = vector_of(in, directions, prompts_digest(pairs));
        set_predictors(v, pair_predictors(latents.negative, latents.positive, in.engine.info().n_embd));
        set_inputs(v, in.engine.model(), texts_of(pairs));
        v.provenance.settings["pairs"] = std::to_string(pairs.size());
        return v;
    }
};

}  // namespace

const Method& method_repe() {
    static const ReadingVectors method;
    return method;
}

}  // namespace tiller
