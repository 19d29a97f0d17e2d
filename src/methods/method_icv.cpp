// In-context vectors (arXiv 2311.06668) as a Method.
#include <algorithm>

#include "methods/inputs.h"
#include "methods/provenance.h"
#include "tiller/method.h"

namespace tiller {
namespace {

class InContextVectors final : public Method {
public:
    std::string name() const override { return "icv"; }
    std::string summary() const override {
        return "in-context vector: principal direction of paired texts, turned into every MLP output (arXiv "
               "2311.06668)";
    }

    SteeringVector extract(const MethodInput& in) const override {
        const int n = option(in, "n_pairs", 100);
        return extract_sizes(in, std::span(&n, 1)).front();
    }

    // A smaller set of pairs is the beginning of a larger one, so that only the largest has to be computed.
    std::vector<SteeringVector> extract_sizes(const MethodInput& in,
                                              std::span<const int> n_pairs) const override {
        const auto pairs = pairs_of(in, *std::max_element(n_pairs.begin(), n_pairs.end()));
        std::vector<int> sizes;  // cut to the pairs that the task has
        for (const int n : n_pairs) sizes.push_back(std::min(n, static_cast<int>(pairs.size())));
        auto vectors = in_context_vectors(in.engine, pairs, sizes, {option(in, "n_last", 4), 1.0f, in.states},
                                          in.progress);
        for (std::size_t i = 0; i < vectors.size(); ++i)
            set_provenance(vectors[i], in.engine.info(), in.task.name,
                           prompts_digest(std::span(pairs).first(static_cast<std::size_t>(sizes[i]))),
                           in.seed);
        return vectors;
    }

    std::vector<std::string> counts() const override { return {"n_pairs"}; }
    Setting paper_setting(const ModelInfo&) const override { return {{"alpha", 1.0}}; }

    std::vector<Setting> grid(const ModelInfo&, bool) const override {
        std::vector<Setting> settings;
        for (double alpha : {0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.5}) settings.push_back({{"alpha", alpha}});
        return settings;
    }

    // The paper edits all layers, and some of them in its ablations.
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override {
        const int n = info.n_layer;
        const auto layers = [](int begin, int end) {
            return Setting{{"layer_begin", begin}, {"layer_end", end}};
        };
        Axis places = {{}}, pairs = {{}};
        for (const auto& [begin, end] :
             {std::pair(0, n / 2), std::pair(n / 4, n - n / 4), std::pair(n / 2, n)})
            if (begin < end && end - begin < n) places.push_back(layers(begin, end));
        for (const int part : {20, 4, 2})
            if (n_pairs / part > 2) pairs.push_back({{"pairs", n_pairs / part}});
        return {axis_of("alpha", std::vector<double>{0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.5, 2.0}), places,
                pairs};
    }

    std::function<SteeringVector(const Setting&)> builder(const Model&,
                                                          const SteeringVector& base) const override {
        auto shell = std::make_shared<SteeringVector>(base);
        return [shell](const Setting& setting) {
            SteeringVector v = *shell;
            v.extraction = false;
            v.scale = static_cast<float>(setting.at("alpha"));
            if (const auto begin = setting.find("layer_begin"); begin != setting.end())
                std::erase_if(v.directions, [&](const auto& direction) {
                    return direction.first < begin->second || direction.first >= setting.at("layer_end");
                });
            return v;
        };
    }

    float strength(const Setting& setting) const override { return static_cast<float>(setting.at("alpha")); }
    bool spares_prompt() const override { return false; }
};

}  // namespace

const Method& method_icv() {
    static const InContextVectors method;
    return method;
}

}  // namespace tiller
