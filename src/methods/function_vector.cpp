// Heads' contributions to the residual stream, and function vectors as their sum (arXiv 2310.15213).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "methods/provenance.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

int default_fv_layer(int n_layer) { return std::min((n_layer + 2) / 3, n_layer - 1); }

int paper_head_count(const ModelInfo& info) {
    const int total = info.n_head_total();
    // The paper's code gives a number for one model only: 20 for Llama-2-7b with its 1024 heads.
    return std::max(1, static_cast<int>(std::ceil(total / 51.2)));
}

LayerContributions layer_contributions(const AttentionProjection& p, const ModelInfo& info, int layer,
                                       std::span<const float> z, const ContributionOptions& options) {
    if (z.size() != static_cast<std::size_t>(p.n_in))
        throw Error(Code::bad_input, fmt::format("mean head outputs of layer {} have {} values, expected {}",
                                                 layer, z.size(), p.n_in));
    const auto i = static_cast<std::size_t>(layer);
    const auto n_embd = static_cast<std::size_t>(p.n_embd), n_in = static_cast<std::size_t>(p.n_in);
    const auto d = static_cast<std::size_t>(info.d_head[i]);
    std::vector<double> whole(n_embd, 0.0);
    std::vector<std::vector<double>> parts;
    for (std::size_t h = 0; h < static_cast<std::size_t>(info.n_head[i]); ++h) {
        auto& part = parts.emplace_back(n_embd, 0.0);
        for (std::size_t e = 0; e < n_embd; ++e) {
            double sum = 0;
            for (std::size_t k = h * d; k < (h + 1) * d; ++k)
                sum += static_cast<double>(p.w_o[e * n_in + k]) * static_cast<double>(z[k]);
            part[e] = sum;
            whole[e] += sum;
        }
        if (options.bias_per_head && !p.bias.empty())
            for (std::size_t e = 0; e < n_embd; ++e) part[e] += static_cast<double>(p.bias[e]);
    }
    if (!p.bias.empty())
        for (std::size_t e = 0; e < n_embd; ++e) whole[e] += static_cast<double>(p.bias[e]);
    // A post-norm divides by the RMS of the whole attention output. Dividing each head's part by the same RMS
    // makes the parts add up to what the block writes (docs/methods.md).
    double rms = 1;
    const bool post_norm = options.post_norm && !p.post_norm.empty();
    if (post_norm) {
        double squares = 0;
        for (double w : whole) squares += w * w;
        rms = std::sqrt(squares / static_cast<double>(n_embd) + static_cast<double>(info.norm_epsilon));
    }
    const auto share = [&](const auto& part) {
        std::vector<float> out(n_embd);
        for (std::size_t e = 0; e < n_embd; ++e)
            out[e] = static_cast<float>(static_cast<double>(part[e]) / rms *
                                        (post_norm ? static_cast<double>(p.post_norm[e]) : 1.0));
        return out;
    };
    LayerContributions contributions;
    for (const auto& part : parts) contributions.heads.push_back(share(part));
    if (!p.bias.empty()) contributions.bias = share(p.bias);
    return contributions;
}

HeadContributions::HeadContributions(const Model& model,
                                     const std::vector<std::vector<float>>& mean_head_output,
                                     const ContributionOptions& options) {
    const ModelInfo& info = model.info();
    if (mean_head_output.size() != static_cast<std::size_t>(info.n_layer))
        throw Error(Code::bad_input, fmt::format("mean head outputs for {} layers, the model has {}",
                                                 mean_head_output.size(), info.n_layer));
    for (int il = 0; il < info.n_layer; ++il) {
        const auto i = static_cast<std::size_t>(il);
        auto& heads = values_.emplace_back();
        if (info.n_head[i] == 0) continue;
        heads =
            layer_contributions(model.attention_projection(il), info, il, mean_head_output[i], options).heads;
    }
}

const std::vector<float>& HeadContributions::at(int layer, int head) const {
    return values_.at(static_cast<std::size_t>(layer)).at(static_cast<std::size_t>(head));
}

std::vector<float> HeadContributions::sum(std::span<const HeadEffect> heads) const {
    std::vector<double> total;
    for (const HeadEffect& head : heads) {
        const auto& part = at(head.layer, head.head);
        total.resize(part.size(), 0.0);
        for (std::size_t e = 0; e < part.size(); ++e) total[e] += static_cast<double>(part[e]);
    }
    return {total.begin(), total.end()};
}

SteeringVector function_vector(const Model& model, const HeadSearch& search, const FvOptions& options) {
    const ModelInfo& info = model.info();
    const int layer = options.layer == -1 ? default_fv_layer(info.n_layer) : options.layer;
    if (layer < 0 || layer >= info.n_layer)
        throw Error(
            Code::usage,
            fmt::format("layer {} does not exist: the model has layers 0 to {}", layer, info.n_layer - 1),
            Topic::layer);
    const int n = options.n_heads == 0 ? paper_head_count(info) : options.n_heads;
    if (n < 1 || n > info.n_head_total())
        throw Error(
            Code::usage,
            fmt::format("a vector of {} heads: expected 1 to {}, the model's heads", n, info.n_head_total()),
            Topic::heads);
    for (std::size_t il = 0; il < info.n_head.size(); ++il)
        if (search.aie.size() != info.n_head.size() ||
            search.aie[il].size() != static_cast<std::size_t>(info.n_head[il]))
            throw Error(
                Code::bad_input,
                fmt::format("the head search's effects do not have the model's shape (layer {})", il));
    SteeringVector v;
    set_model(v, info);
    v.method = "fv";
    v.site = Site::residual;
    v.operation = Operation::add;
    v.positions = Positions::Kind::steered;
    v.scale = options.scale;
    v.heads = rank_heads(search.aie);
    v.heads.resize(static_cast<std::size_t>(n));
    v.aie = search.aie;
    v.mean_head_output = search.mean_head_output;
    v.directions[layer] =
        HeadContributions(model, search.mean_head_output, options.contributions).sum(v.heads);
    v.provenance.settings["heads"] = std::to_string(n);
    v.provenance.settings["layer"] = std::to_string(layer);
    v.provenance.settings["post_norm"] = options.contributions.post_norm && info.post_norm ? "true" : "false";
    v.provenance.settings["bias_per_head"] = options.contributions.bias_per_head ? "true" : "false";
    v.provenance.settings["clean_probability"] = fmt::format("{:.6g}", search.clean_probability);
    v.provenance.settings["aie_noise"] = fmt::format("{:.6g}", search.noise);
    return v;
}

}  // namespace tiller
