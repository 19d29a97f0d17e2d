#include "methods/conceptor_method.h"

#include <fmt/format.h>

#include <algorithm>

#include "methods/conceptor.h"
#include "methods/grid_layers.h"
#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/provenance.h"
#include "tiller/error.h"

namespace tiller {
namespace {

// A hundred prompts span up to 100 directions. Those after the 64th have one or two percent of the trace and
// would make the files half as large again.
constexpr int kMaxRows = 64;

// The texts to learn from, and their counts in the vector's settings. Behavioural tasks: the positives of
// pairs. Others: few-shot prompts whose queries are training items, the same as for task vectors.
std::vector<std::string> texts_to_show(const MethodInput& in, SteeringVector& v) {
    auto& settings = v.provenance.settings;
    if (in.task.family == Family::behavioural) {
        auto texts = positives_of(in);
        settings["positives"] = std::to_string(texts.size());
        return texts;
    }
    const int n_shot = option(in, "n_shot", 10);
    std::vector<std::string> texts =
        texts_of(make_prompts(in.task, in.train, option(in, "n_mean", 100), n_shot, in.seed, false, in.form));
    if (texts.empty())
        throw Error(Code::bad_input, "a conceptor needs few-shot prompts: n_mean is 0, expected 1 or more");
    settings["n_mean"] = std::to_string(texts.size());
    settings["n_shot"] = std::to_string(n_shot);
    return texts;
}

}  // namespace

SteeringVector ConceptorMethod::extract(const MethodInput& in) const {
    if (is_centred() && in.unrelated.empty())
        throw Error(Code::usage, name() +
                                     " needs unrelated sentences, and none were given: pass the list of "
                                     "load_sentences()");
    const ModelInfo& info = in.engine.info();
    SteeringVector v;
    v.method = name();
    v.site = Site::residual;
    v.operation = Operation::project;
    v.extraction = true;
    // The paper edits the last prompt token and scores the next token. Projecting at every generated token as
    // well spoils answers of several tokens, but a style needs it.
    v.positions =
        in.task.family == Family::behavioural ? Positions::Kind::steered : Positions::Kind::last_prompt;
    std::vector<std::string> texts = texts_to_show(in, v);
    const std::size_t n_shown = texts.size(), n_unrelated = is_centred() ? in.unrelated.size() : 0;

    // These texts are read separately from the unrelated ones: other methods read the same texts, and share
    // the work through the checkpoint.
    LatentOptions options = latent_options(in);
    const auto from = [&](std::size_t before) {
        if (in.progress)
            options.progress = [&in, before, all = n_shown + n_unrelated](std::size_t done, std::size_t) {
                in.progress(before + done, all);
            };
        return options;
    };
    std::vector<std::vector<float>> latents;
    for_each_latent(in.engine, texts, from(0), [&](std::size_t, std::span<const float> latent) {
        latents.emplace_back(latent.begin(), latent.end());
    });
    std::vector<float> centres(latents.front().size(), 0.0f);
    if (is_centred()) {
        const auto mean = mean_latent(in.engine, in.unrelated, from(n_shown));
        std::transform(mean.begin(), mean.end(), centres.begin(),
                       [](double value) { return static_cast<float>(value); });
        texts.insert(texts.end(), in.unrelated.begin(), in.unrelated.end());
        v.provenance.settings["unrelated"] = std::to_string(n_unrelated);
    }

    const auto n_embd = static_cast<std::size_t>(info.n_embd);
    double kept = 1;
    for (int il = 0; il < info.n_layer; ++il) {
        const std::size_t at = static_cast<std::size_t>(il) * n_embd;
        std::vector<std::span<const float>> rows;
        for (const auto& latent : latents) rows.push_back(std::span(latent).subspan(at, n_embd));
        const auto centre = std::span<const float>(centres).subspan(at, n_embd);
        const Conceptor conceptor = make_conceptor(rows, centre, kMaxRows);
        v.directions[il].assign(centre.begin(), centre.end());
        v.directions[il].insert(v.directions[il].end(), conceptor.rows.begin(), conceptor.rows.end());
        kept = std::min(kept, conceptor.kept);
    }
    v.provenance.settings["aperture"] = "1";
    v.provenance.settings["beta"] = "1";
    v.provenance.settings["kept_trace"] = fmt::format("{:.6f}", kept);
    set_provenance(v, info, in.task.name, prompts_digest(texts), in.seed);
    set_inputs(v, in.engine.model(), texts);
    return v;
}

Setting ConceptorMethod::paper_setting(const ModelInfo& info) const {
    return {{"layer", info.n_layer / 2}, {"aperture", 1}, {"beta", 3.9}, {"scale", 1}};
}

std::vector<Setting> ConceptorMethod::grid(const ModelInfo& info, bool behavioural) const {
    std::vector<Setting> settings;
    const auto add = [&](int layer, double aperture, double beta, double scale) {
        settings.push_back({{"layer", layer}, {"aperture", aperture}, {"beta", beta}, {"scale", scale}});
    };
    for (int layer : grid_layers(info.n_layer, behavioural)) {
        // Text breaks when every token is projected at scale 1.
        if (behavioural)
            for (double scale : {0.05, 0.1, 0.2}) add(layer, 4, 1, scale);
        else
            for (double aperture : {1.0, 4.0, 16.0})
                for (double beta : {1.0, 2.0, 3.9}) add(layer, aperture, beta, 1);
    }
    return settings;
}

std::vector<Axis> ConceptorMethod::axes(const ModelInfo& info, int) const {
    return {layer_axis(info.n_layer), axis_of("aperture", std::vector<double>{0.5, 1, 2, 4, 8, 16, 32}),
            axis_of("beta", std::vector<double>{0.5, 1, 1.4, 2, 2.8, 3.9, 5.5}),
            axis_of("scale", std::vector<double>{0.05, 0.1, 0.2, 0.5, 1})};
}

std::function<SteeringVector(const Setting&)> ConceptorMethod::builder(const Model& model,
                                                                       const SteeringVector& base) const {
    const auto whole = std::make_shared<SteeringVector>(base);
    const auto n_embd = static_cast<std::size_t>(model.info().n_embd);
    return [whole, n_embd, this](const Setting& setting) {
        const int layer = static_cast<int>(setting.at("layer"));
        const std::span<const float> all(whole->directions.at(layer));
        SteeringVector v;
        v.method = whole->method;
        v.site = whole->site;
        v.operation = whole->operation;
        v.positions = whole->positions;
        v.provenance = whole->provenance;
        v.scale = strength(setting);
        auto& direction = v.directions[layer];
        direction.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n_embd));
        const auto rows =
            rescale_conceptor(all.subspan(n_embd), n_embd, setting.at("aperture"), setting.at("beta"));
        direction.insert(direction.end(), rows.begin(), rows.end());
        for (const char* key : {"layer", "aperture", "beta"})
            v.provenance.settings[key] = fmt::format("{}", setting.at(key));
        return v;
    };
}

}  // namespace tiller
