// Function vectors as a Method of studies.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "methods/provenance.h"
#include "tiller/method.h"

namespace tiller {
namespace {

class FunctionVectors final : public Method {
public:
    std::string name() const override { return "fv"; }
    std::string summary() const override {
        return "function vector: sum of the heads that carry the task, added at one layer (arXiv 2310.15213)";
    }

    SteeringVector extract(const MethodInput& in) const override {
        const auto option = [&](const char* key, int fallback) {
            const auto it = in.options.find(key);
            return it == in.options.end() ? fallback : static_cast<int>(it->second);
        };
        const int n_shot = option("n_shot", 10);
        const FvTrials trials = make_trials(in.task, in.train, option("n_mean", 100), option("n_patch", 25),
                                            n_shot, in.seed, in.queries);
        const HeadSearch search = search_heads(in.engine, trials, in.checkpoint, in.progress);
        FvOptions options;
        options.n_heads = paper_head_count(in.engine.info());
        options.contributions.bias_per_head = option("bias_per_head", 0) != 0;
        SteeringVector v = function_vector(in.engine.model(), search, options);
        set_provenance(v, in.engine.info(), in.task.name, prompts_digest(trials), in.seed);
        v.provenance.settings["n_mean"] = std::to_string(trials.mean.size());
        v.provenance.settings["n_patch"] = std::to_string(trials.patch.size());
        v.provenance.settings["n_shot"] = std::to_string(n_shot);
        return v;
    }

    Setting paper_setting(const ModelInfo& info) const override {
        return {{"heads", paper_head_count(info)}, {"layer", default_fv_layer(info.n_layer)}, {"scale", 1}};
    }

    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override {
        const int total = info.n_head_total(), n = info.n_layer;
        std::set<int> heads, layers;
        std::vector<double> scales;
        if (behavioural) {  // text is generated for each of these
            heads = {std::max(1, total / 6)};
            layers = {n / 3, n / 2, 2 * n / 3};
            scales = {1, 2};
        } else {
            heads = {paper_head_count(info), std::max(1, total / 18), std::max(1, total / 9),
                     std::max(1, total / 6), std::max(1, total / 4),  std::max(1, 3 * total / 4)};
            // Densest around the middle, where function vectors of small models work in our runs; tasks that
            // need facts want most heads, early.
            layers = {n / 8, n / 4, n / 3, 4 * n / 9, n / 2, 5 * n / 9, 11 * n / 18, 2 * n / 3};
            scales = {1, 2, 4};
        }
        std::vector<Setting> settings;
        for (int h : heads)
            for (int l : layers)
                for (double s : scales)
                    settings.push_back({{"heads", h}, {"layer", std::min(l, n - 1)}, {"scale", s}});
        return settings;
    }

    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override {
        ContributionOptions options;
        const auto bias = base.provenance.settings.find("bias_per_head");
        options.bias_per_head = bias != base.provenance.settings.end() && bias->second == "true";
        const auto contributions = std::make_shared<HeadContributions>(model, base.mean_head_output, options);
        const auto ranked = std::make_shared<std::vector<HeadEffect>>(rank_heads(base.aie));
        auto shell = std::make_shared<SteeringVector>(base);
        return [contributions, ranked, shell](const Setting& setting) {
            SteeringVector v = *shell;
            const auto n = std::min(static_cast<std::size_t>(setting.at("heads")), ranked->size());
            v.heads.assign(ranked->begin(), ranked->begin() + static_cast<std::ptrdiff_t>(n));
            v.scale = static_cast<float>(setting.at("scale"));
            v.directions = {{static_cast<int>(setting.at("layer")), contributions->sum(v.heads)}};
            v.provenance.settings["heads"] = std::to_string(n);
            v.provenance.settings["layer"] = std::to_string(static_cast<int>(setting.at("layer")));
            return v;
        };
    }

    float strength(const Setting& setting) const override { return static_cast<float>(setting.at("scale")); }
    bool spares_prompt() const override { return true; }
};

}  // namespace

const Method& method_fv() {
    static const FunctionVectors method;
    return method;
}

}  // namespace tiller
