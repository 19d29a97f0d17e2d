// Task vectors (arXiv 2310.15916): the mean residual stream at the last token of few-shot prompts replaces
// that of the zero-shot prompt.
#include <set>

#include "methods/grid_layers.h"
#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/layer_method.h"
#include "methods/provenance.h"

namespace tiller {
namespace {

class TaskVectors final : public LayerMethod {
public:
    std::string name() const override { return "task-vector"; }
    std::string summary() const override {
        return "residual stream of few-shot prompts in place of the zero-shot prompt's, at one layer (arXiv "
               "2310.15916)";
    }

    SteeringVector extract(const MethodInput& in) const override {
        const int n_shot = option(in, "n_shot", 10);
        // The queries of these prompts are training items, as the paper's dummy queries.
        const auto prompts = texts_of(
            make_prompts(in.task, in.train, option(in, "n_mean", 100), n_shot, in.seed, false, in.form));
        SteeringVector v =
            vector_of(in, mean_latent(in.engine, prompts, latent_options(in)), prompts_digest(prompts));
        set_inputs(v, in.engine.model(), prompts);
        v.operation = Operation::replace;
        v.positions = Positions::Kind::last_prompt;
        v.provenance.settings["n_mean"] = std::to_string(prompts.size());
        v.provenance.settings["n_shot"] = std::to_string(n_shot);
        return v;
    }

    Setting paper_setting(const ModelInfo& info) const override { return {{"layer", info.n_layer / 2}}; }

    // The paper tries every layer. Behavioural tasks generate text for each, so they try six layers from a
    // quarter of the depth on.
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override {
        std::set<int> layers;
        for (int il = 0; il < info.n_layer; ++il) layers.insert(il);
        if (behavioural) {
            layers.clear();
            for (int eighth = 2; eighth < 8; ++eighth) layers.insert(eighth * info.n_layer / 8);
        }
        std::vector<Setting> settings;
        for (int layer : layers) settings.push_back({{"layer", layer}});
        return settings;
    }

    std::vector<Axis> axes(const ModelInfo& info, int) const override { return {layer_axis(info.n_layer)}; }

    std::vector<std::string> counts() const override { return {"n_mean", "n_shot"}; }
    // A replacement has no strength: the activation becomes the vector.
    float strength(const Setting&) const override { return 1; }
};

}  // namespace

const Method& method_task_vector() {
    static const TaskVectors method;
    return method;
}

}  // namespace tiller
