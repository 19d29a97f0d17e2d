// Mean head outputs and average indirect effects of heads (arXiv 2310.15213, section 2.3).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "methods/checkpoint.h"
#include "methods/head_outputs.h"
#include "methods/inputs.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {
namespace {

using Layers = std::vector<std::vector<float>>;  // one list for each layer

constexpr std::size_t kChunk = 16;  // prompts whose head outputs are summed at once
std::size_t count_chunks(std::size_t n_prompt) { return (n_prompt + kChunk - 1) / kChunk; }

Layers zeros(const ModelInfo& info, bool per_head) {
    Layers out;
    for (int il = 0; il < info.n_layer; ++il) {
        const auto i = static_cast<std::size_t>(il);
        out.emplace_back(
            static_cast<std::size_t>(per_head ? info.n_head[i] : info.n_head[i] * info.d_head[i]), 0.0f);
    }
    return out;
}

std::vector<float> flatten(const Layers& layers) {
    std::vector<float> flat;
    for (const auto& l : layers) flat.insert(flat.end(), l.begin(), l.end());
    return flat;
}

void unflatten(std::span<const float> flat, Layers& layers) {
    for (auto& l : layers) {
        std::copy_n(flat.begin(), l.size(), l.begin());
        flat = flat.subspan(l.size());
    }
}

// Sum of the prompts' head outputs at their last token: float64, in the order of the prompts. `first` is the
// number by which errors name the first prompt.
std::vector<float> chunk_sum(Engine& engine, std::span<const std::string> prompts, std::size_t first) {
    std::vector<double> sum;
    for (const auto& outputs : head_outputs(engine, prompts, first)) {
        sum.resize(outputs.size(), 0.0);
        for (std::size_t i = 0; i < outputs.size(); ++i) sum[i] += static_cast<double>(outputs[i]);
    }
    return {sum.begin(), sum.end()};
}

// How many trials are computed and stored in a checkpoint together: their last rows fill the tiles of the
// matrix units. Fewer where a trial has many rows, because a process that is killed loses the unfinished
// group.
std::size_t trials_at_once(std::size_t n_head) {
    constexpr std::size_t rows = 1024, most = 8;
    return std::clamp<std::size_t>(rows / (n_head + 1), 1, most);
}

// The clean row of a trial, then a row for each head with that head's output replaced by its mean.
std::vector<Row> trial_rows(const Model& model, const FvTrials::Patch& trial,
                            const std::vector<std::vector<SharedFloats>>& means) {
    const auto target = model.continuation(trial.prompt, trial.target);
    if (target.empty())
        throw Error(Code::bad_input,
                    fmt::format("the target \"{}\" gives no token after its prompt; expected a word with its "
                                "leading blank, like \" went\"",
                                trial.target));
    require_follows(model, trial.prompt, trial.target, target);
    Row clean;
    clean.prompt = model.tokenize_prompt(trial.prompt);
    clean.watch = {target.front()};
    std::vector<Row> rows{clean};
    for (std::size_t il = 0; il < means.size(); ++il)
        for (std::size_t h = 0; h < means[il].size(); ++h) {
            Edit edit;
            edit.site = Site::head_output;
            edit.layer = static_cast<int>(il);
            edit.head = static_cast<int>(h);
            edit.operation = Operation::replace;
            edit.positions.kind = Positions::Kind::last_prompt;
            edit.vector = means[il][h];
            rows.push_back(clean);
            rows.back().edits.push_back(std::move(edit));
        }
    return rows;
}

// [n_trial][n_head + 1]: p(target | head patched) - p(target | clean) for every head, then p(target | clean).
std::vector<float> trial_effects(Engine& engine, std::span<const FvTrials::Patch> trials,
                                 const std::vector<std::vector<SharedFloats>>& means) {
    std::vector<Row> rows;
    for (const auto& trial : trials)
        for (Row& row : trial_rows(engine.model(), trial, means)) rows.push_back(std::move(row));
    const auto results = engine.fork(rows);
    const std::size_t n_row = rows.size() / trials.size();
    std::vector<float> effects;
    for (std::size_t t = 0; t < trials.size(); ++t) {
        const auto of_trial = std::span(results).subspan(t * n_row, n_row);
        const double base = std::exp(static_cast<double>(of_trial[0].watch_logprob[0]));
        for (const RowResult& result : of_trial.subspan(1))
            effects.push_back(
                static_cast<float>(std::exp(static_cast<double>(result.watch_logprob[0])) - base));
        effects.push_back(static_cast<float>(base));
    }
    return effects;
}

// The means cut into heads: [n_layer][n_head] vectors of d_head values.
std::vector<std::vector<SharedFloats>> per_head(const ModelInfo& info, const Layers& means) {
    std::vector<std::vector<SharedFloats>> out;
    for (std::size_t il = 0; il < means.size(); ++il) {
        const auto d = static_cast<std::size_t>(info.d_head[il]);
        auto& heads = out.emplace_back();
        for (std::size_t h = 0; h < static_cast<std::size_t>(info.n_head[il]); ++h) {
            const auto begin = means[il].begin() + static_cast<std::ptrdiff_t>(h * d);
            heads.push_back(
                std::make_shared<const std::vector<float>>(begin, begin + static_cast<std::ptrdiff_t>(d)));
        }
    }
    return out;
}

std::string short_digest(const std::string& hex) { return hex.substr(0, 16); }

}  // namespace

std::vector<std::vector<float>> mean_head_outputs(Engine& engine, std::span<const std::string> prompts,
                                                  Checkpoint* checkpoint, const Progress& progress) {
    if (prompts.empty())
        throw Error(Code::bad_input, "no prompts for the mean head outputs; give at least one in \"mean\"");
    Layers means = zeros(engine.info(), false);
    const std::size_t n = flatten(means).size();
    const std::string key = texts_key(engine.info()) + short_digest(prompts_digest(prompts));
    // The chunks have a fixed size, so that a resumed run adds the same numbers in the same order.
    const std::size_t n_chunk = count_chunks(prompts.size());
    std::vector<double> total(n, 0.0);
    for (std::size_t c = 0; c < n_chunk; ++c) {
        const auto part = prompts.subspan(c * kChunk, std::min(kChunk, prompts.size() - c * kChunk));
        const auto sum = cached(checkpoint, fmt::format("mean-{}-{}", key, c), n,
                                [&] { return chunk_sum(engine, part, c * kChunk); });
        for (std::size_t i = 0; i < n; ++i) total[i] += static_cast<double>(sum[i]);
        if (progress) progress(c + 1, n_chunk);
    }
    std::vector<float> mean;
    for (double t : total) mean.push_back(static_cast<float>(t / static_cast<double>(prompts.size())));
    unflatten(mean, means);
    return means;
}

HeadSearch search_heads(Engine& engine, const FvTrials& trials, Checkpoint* checkpoint,
                        const Progress& progress) {
    if (trials.patch.empty())
        throw Error(Code::bad_input, "no trials for the head search; give at least one in \"patch\"");
    const ModelInfo& info = engine.info();
    std::size_t done = 0;
    const std::size_t all = count_chunks(trials.mean.size()) + trials.patch.size();
    const auto step = [&](std::size_t, std::size_t) {
        if (progress) progress(++done, all);
    };
    HeadSearch search;
    search.mean_head_output = mean_head_outputs(engine, trials.mean, checkpoint, step);
    const auto heads = per_head(info, search.mean_head_output);
    const auto n_head = static_cast<std::size_t>(info.n_head_total());
    const std::string key =
        texts_key(info) + short_digest(prompts_digest(trials));  // the effects depend on the means as well
    std::vector<double> sum(n_head + 1, 0.0), squares(n_head, 0.0);
    const std::size_t at_once = trials_at_once(n_head);
    for (std::size_t t = 0; t < trials.patch.size(); t += at_once) {
        const auto part = std::span(trials.patch).subspan(t, std::min(at_once, trials.patch.size() - t));
        const auto effects =
            cached(checkpoint, fmt::format("trials-{}-{}", key, t), part.size() * (n_head + 1),
                   [&] { return trial_effects(engine, part, heads); });
        for (std::size_t i = 0; i < part.size(); ++i) {
            const auto of_trial = std::span(effects).subspan(i * (n_head + 1), n_head + 1);
            for (std::size_t h = 0; h <= n_head; ++h) sum[h] += static_cast<double>(of_trial[h]);
            for (std::size_t h = 0; h < n_head; ++h)
                squares[h] += static_cast<double>(of_trial[h]) * static_cast<double>(of_trial[h]);
            step(0, 0);
        }
    }
    const auto n = static_cast<double>(trials.patch.size());
    std::vector<float> aie;
    std::vector<double> errors;
    for (std::size_t i = 0; i < n_head; ++i) {
        const double m = sum[i] / n;
        aie.push_back(static_cast<float>(m));
        errors.push_back(std::sqrt(std::max(0.0, squares[i] / n - m * m) / std::max(1.0, n - 1)));
    }
    search.aie = zeros(info, true);
    unflatten(aie, search.aie);
    search.clean_probability = sum[n_head] / n;
    std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2),
                     errors.end());
    search.noise = errors[errors.size() / 2];
    return search;
}

std::vector<HeadEffect> rank_heads(const std::vector<std::vector<float>>& aie) {
    std::vector<HeadEffect> heads;
    for (std::size_t il = 0; il < aie.size(); ++il)
        for (std::size_t h = 0; h < aie[il].size(); ++h)
            heads.push_back({static_cast<int>(il), static_cast<int>(h), aie[il][h]});
    // A stable sort keeps equal effects in order of layer, then head.
    std::stable_sort(heads.begin(), heads.end(),
                     [](const HeadEffect& a, const HeadEffect& b) { return a.aie > b.aie; });
    return heads;
}

}  // namespace tiller
