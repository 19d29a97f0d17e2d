#include "methods/head_method.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/util.h"
#include "methods/grid_layers.h"
#include "methods/inputs.h"
#include "methods/provenance.h"

namespace tiller {

HeadMethod::Ranking HeadMethod::rank(const MethodInput& in) const {
    const int n_shot = option(in, "n_shot", 10);
    const FvTrials trials =
        in.trials ? *in.trials
                  : make_trials(in.task, in.train, option(in, "n_mean", 100), option(in, "n_patch", 25),
                                n_shot, in.seed, in.queries, in.form);
    const Model& model = in.engine.model();
    Ranking out;
    out.search = search_heads(in.engine, trials, in.checkpoint, in.progress);
    out.digest = prompts_digest(trials);
    out.n_text = trials.mean.size() + trials.patch.size();
    out.n_token = count_tokens(model, trials.mean);
    // The rows of one prompt share all tokens but the last (Engine::fork()). The last is computed once
    // without a patch and once for each head.
    for (const auto& trial : trials.patch)
        out.n_token += model.tokenize_prompt(trial.prompt).size() +
                       static_cast<std::uint64_t>(model.info().n_head_total());
    out.settings = {{"n_mean", std::to_string(trials.mean.size())},
                    {"n_patch", std::to_string(trials.patch.size())}};
    if (!in.trials) out.settings["n_shot"] = std::to_string(n_shot);
    return out;
}

SteeringVector HeadMethod::extract(const MethodInput& in) const {
    Ranking ranking = rank(in);
    const Model& model = in.engine.model();
    if (const auto prompts = prompts_of_means(in); !prompts.empty()) {
        Digest all;
        all.add(ranking.digest);
        for (const auto& prompt : prompts) all.add(prompt);
        ranking.digest = all.hex();
        ranking.n_text += prompts.size();
        ranking.n_token += count_tokens(model, prompts);
        ranking.search.mean_head_output = mean_head_outputs(in.engine, prompts, in.checkpoint, in.progress);
    }
    FvOptions options;
    options.n_heads = paper_head_count(model.info());
    options.contributions = {option(in, "no_post_norm", 0) == 0, option(in, "bias_per_head", 0) != 0};
    SteeringVector v = function_vector(model, ranking.search, options);
    v.method = name();
    set_provenance(v, model.info(), in.task.name, ranking.digest, in.seed);
    set_inputs(v, ranking.n_text, ranking.n_token);
    for (const auto& [key, value] : ranking.settings) v.provenance.settings[key] = value;
    return v;
}

Setting HeadMethod::paper_setting(const ModelInfo& info) const {
    return {{"heads", paper_head_count(info)}, {"layer", default_fv_layer(info.n_layer)}, {"scale", 1}};
}

std::vector<Setting> HeadMethod::grid(const ModelInfo& info, bool behavioural) const {
    const int total = info.n_head_total();
    std::set<int> heads = {std::max(1, total / 6)};
    std::vector<double> scales = {1, 2};
    if (!behavioural) {
        heads = {paper_head_count(info), std::max(1, total / 18), std::max(1, total / 9),
                 std::max(1, total / 6), std::max(1, total / 4),  std::max(1, 3 * total / 4)};
        scales = {1, 2, 4};
    }
    std::vector<Setting> settings;
    for (int h : heads)
        for (int l : grid_layers(info.n_layer, behavioural))
            for (double s : scales) settings.push_back({{"heads", h}, {"layer", l}, {"scale", s}});
    return settings;
}

std::vector<Axis> HeadMethod::axes(const ModelInfo& info, int) const {
    const int total = info.n_head_total();
    // From few heads to most of them: small models need a third of their heads, the paper's models 2 %.
    std::set<int> counts = {paper_head_count(info)};
    for (const double share : {0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75})
        counts.insert(std::max(1, static_cast<int>(std::lround(share * total))));
    return {axis_of("heads", std::vector<double>(counts.begin(), counts.end())), layer_axis(info.n_layer),
            axis_of("scale", std::vector<double>{0.5, 1, 2, 4, 8})};
}

std::function<SteeringVector(const Setting&)> HeadMethod::builder(const Model& model,
                                                                  const SteeringVector& base) const {
    const auto says = [&](const char* key, const char* value) {
        const auto it = base.provenance.settings.find(key);
        return it != base.provenance.settings.end() && it->second == value;
    };
    // A model without post-norms has "false" as well; there the option changes nothing.
    const ContributionOptions options = {!says("post_norm", "false"), says("bias_per_head", "true")};
    const auto contributions = std::make_shared<HeadContributions>(model, base.mean_head_output, options);
    const auto ranked = std::make_shared<std::vector<HeadEffect>>(rank_heads(base.aie));
    const auto shell = std::make_shared<SteeringVector>(base);
    return [contributions, ranked, shell, this](const Setting& setting) {
        SteeringVector v = *shell;
        v.extraction = false;
        const auto n = std::min(static_cast<std::size_t>(setting.at("heads")), ranked->size());
        v.heads = heads_of(*ranked, n, shell->provenance.seed);
        v.scale = static_cast<float>(setting.at("scale"));
        v.directions = {{static_cast<int>(setting.at("layer")), contributions->sum(v.heads)}};
        v.provenance.settings["heads"] = std::to_string(n);
        v.provenance.settings["layer"] = std::to_string(static_cast<int>(setting.at("layer")));
        return v;
    };
}

std::vector<HeadEffect> HeadMethod::heads_of(const std::vector<HeadEffect>& ranked, std::size_t n,
                                             std::uint64_t) const {
    return {ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace tiller
