// In-context vectors (arXiv 2311.06668), as the code of arXiv 2411.07213 computes them.
#include <fmt/format.h>

#include "methods/inputs.h"
#include "methods/latents.h"
#include "methods/predictors.h"
#include "methods/provenance.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

namespace {

SteeringVector vector_of(const ModelInfo& info, const std::vector<std::vector<float>>& differences,
                         const IcvOptions& options) {
    double explained = 0;
    // The reference code takes the direction of negative minus positive and subtracts it. Flipping the sign
    // of all rows flips the direction too and keeps U, which svd_flip looks at. So the result is the same.
    const auto direction = principal_direction_plus_mean(differences, &explained);
    SteeringVector v;
    set_model(v, info);
    v.method = "icv";
    v.site = Site::mlp_output;
    v.operation = Operation::turn;
    v.positions = Positions::Kind::all;
    v.scale = options.alpha;
    for (int il = 0; il < info.n_layer; ++il) {
        const auto begin = direction.begin() + static_cast<std::ptrdiff_t>(il) * info.n_embd;
        v.directions[il].assign(begin, begin + info.n_embd);
    }
    v.provenance.settings["pairs"] = std::to_string(differences.size());
    v.provenance.settings["n_last"] = std::to_string(options.n_last);
    v.provenance.settings["explained_variance"] = fmt::format("{:.6g}", explained);
    v.provenance.settings["direction"] =
        differences.size() >= 3 ? "first principal direction + mean" : "mean only (fewer than three pairs)";
    return v;
}

}  // namespace

std::vector<SteeringVector> in_context_vectors(Engine& engine, std::span<const Pair> pairs,
                                               std::span<const int> sizes, const IcvOptions& options,
                                               const Progress& progress) {
    if (pairs.empty())
        throw Error(Code::bad_input, "no pairs; give at least one {\"negative\", \"positive\"}");
    if (options.n_last < 1)
        throw Error(Code::usage,
                    fmt::format("the last {} tokens of a text: expected at least 1", options.n_last),
                    Topic::n_last);
    for (const int n : sizes)
        if (n < 1 || static_cast<std::size_t>(n) > pairs.size())
            throw Error(Code::usage,
                        fmt::format("in_context_vectors: a set of {} pairs; expected 1 to {}, which is how "
                                    "many pairs there are",
                                    n, pairs.size()));
    LatentOptions latents;
    latents.n_last = options.n_last;
    latents.states = options.states;
    latents.progress = progress;
    const PairLatents all = pair_latents(engine, pairs, latents);
    const auto differences = all.differences();
    std::vector<SteeringVector> vectors;
    for (const int size : sizes) {
        const auto n = static_cast<std::size_t>(size);
        auto& v = vectors.emplace_back(
            vector_of(engine.info(), {differences.begin(), differences.begin() + size}, options));
        set_predictors(v, pair_predictors(std::span(all.negative).first(n), std::span(all.positive).first(n),
                                          engine.info().n_embd));
        set_inputs(v, engine.model(), texts_of(pairs.first(n)));
    }
    return vectors;
}

SteeringVector in_context_vector(Engine& engine, std::span<const Pair> pairs, const IcvOptions& options,
                                 const Progress& progress) {
    const int all = static_cast<int>(pairs.size());
    return in_context_vectors(engine, pairs, std::span(&all, 1), options, progress).front();
}

}  // namespace tiller
