#include "methods/latents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util.h"
#include "methods/checkpoint.h"
#include "tiller/error.h"

namespace tiller {
namespace {

// Texts read at a time, which bounds the memory. An even number, so that a pair's texts are in one chunk.
constexpr std::size_t kChunk = 64;

std::string chunk_key(const Engine& engine, std::span<const std::string> texts, int n_last) {
    Digest digest;
    digest.add(static_cast<std::uint64_t>(n_last));
    for (const auto& text : texts) digest.add(text);
    return texts_key(engine.info()) + "latents-" + digest.hex().substr(0, 16);
}

// What the latent of a text depends on, beside the model.
std::string state_key(const Engine& engine, const std::string& text, int n_last) {
    return fmt::format("{}latent {} {}", texts_key(engine.info()), n_last, text);
}

std::size_t width_of(const Engine& engine) {
    return static_cast<std::size_t>(engine.info().n_layer) * static_cast<std::size_t>(engine.info().n_embd);
}

// Latents of the texts with these indices one after the other, [n][n_layer * n_embd].
std::vector<float> run_texts(Engine& engine, std::span<const std::string> texts,
                             std::span<const std::size_t> which, int n_last) {
    std::vector<Row> rows;
    for (const auto i : which) {
        Row row;
        row.prompt = engine.model().tokenize_prompt(texts[i]);
        if (row.prompt.empty() || texts[i].empty())
            throw Error(Code::bad_input, fmt::format("text {} is empty; expected at least one token", i));
        row.captures.push_back({Site::residual, 0, -1, {Positions::Kind::last_k, 0, n_last}, true});
        rows.push_back(std::move(row));
    }
    const auto results = engine.run(rows);
    std::vector<float> values;
    for (std::size_t r = 0; r < results.size(); ++r) {
        const auto& latent = results[r].captured[0].values;
        const auto bad =
            std::find_if_not(latent.begin(), latent.end(), [](float v) { return std::isfinite(v); });
        if (bad != latent.end())
            throw Error(
                Code::bad_input,
                fmt::format("text {} (\"{}\") gives {} in the residual stream after layer {}; expected a "
                            "finite number. The model's own arithmetic overflows there: try another "
                            "quantisation of it and a float32 cache",
                            which[r], texts[which[r]], *bad, (bad - latent.begin()) / engine.info().n_embd),
                Topic::cache_type);
        values.insert(values.end(), latent.begin(), latent.end());
    }
    return values;
}

// Latents of the n texts from `begin` on: those that are kept, and those of a run of the others.
std::vector<float> read_chunk(Engine& engine, std::span<const std::string> texts, std::size_t begin,
                              std::size_t n, const LatentOptions& options) {
    const std::size_t width = width_of(engine);
    std::vector<float> values(n * width);
    const auto put = [&](std::size_t text, std::span<const float> latent) {
        std::copy(latent.begin(), latent.end(),
                  values.begin() + static_cast<std::ptrdiff_t>((text - begin) * width));
    };
    std::vector<std::size_t> others;
    for (std::size_t i = begin; i < begin + n; ++i) {
        const auto kept = options.states ? options.states->find(state_key(engine, texts[i], options.n_last))
                                         : std::span<const float>{};
        if (kept.empty())
            others.push_back(i);
        else
            put(i, kept);
    }
    if (others.empty()) return values;
    const auto read = run_texts(engine, texts, others, options.n_last);
    for (std::size_t r = 0; r < others.size(); ++r) put(others[r], std::span(read).subspan(r * width, width));
    return values;
}

// Runs the texts that are neither kept nor part of a finished chunk and keeps their latents, as far as there
// is room: where most texts are kept, a chunk would hold a few rows to run. Returns how many texts were
// reported.
std::size_t read_ahead(Engine& engine, std::span<const std::string> texts, const LatentOptions& options) {
    std::vector<std::size_t> unread;
    for (std::size_t begin = 0; begin < texts.size(); begin += kChunk) {
        const auto part = texts.subspan(begin, std::min(kChunk, texts.size() - begin));
        const std::size_t n_before = unread.size();
        for (std::size_t i = begin; i < begin + part.size(); ++i)
            if (options.states->find(state_key(engine, texts[i], options.n_last)).empty())
                unread.push_back(i);
        if (unread.size() > n_before && options.checkpoint &&
            options.checkpoint->load(chunk_key(engine, part, options.n_last)))
            unread.resize(n_before);
    }
    const std::size_t width = width_of(engine);
    std::size_t done = texts.size() - unread.size();
    for (std::size_t begin = 0; begin < unread.size(); begin += kChunk) {
        const auto which = std::span(unread).subspan(begin, std::min(kChunk, unread.size() - begin));
        if (!options.states->has_room_for(which.size() * width)) break;
        const auto read = run_texts(engine, texts, which, options.n_last);
        for (std::size_t r = 0; r < which.size(); ++r)
            options.states->keep(state_key(engine, texts[which[r]], options.n_last),
                                 std::span(read).subspan(r * width, width));
        done += which.size();
        if (options.progress) options.progress(done, texts.size());
    }
    return done;
}

}  // namespace

void for_each_latent(Engine& engine, std::span<const std::string> texts, const LatentOptions& options,
                     const std::function<void(std::size_t, std::span<const float>)>& use) {
    if (options.n_last < 1)
        throw Error(Code::usage, fmt::format("n_last is {}; expected at least 1 token", options.n_last));
    const std::size_t width = width_of(engine);
    const std::size_t reported = options.states ? read_ahead(engine, texts, options) : 0;
    for (std::size_t begin = 0; begin < texts.size(); begin += kChunk) {
        const std::size_t n = std::min(kChunk, texts.size() - begin), end = begin + n;
        const auto values =
            cached(options.checkpoint, chunk_key(engine, texts.subspan(begin, n), options.n_last), n * width,
                   [&] { return read_chunk(engine, texts, begin, n, options); });
        for (std::size_t i = 0; i < n; ++i) use(begin + i, std::span(values).subspan(i * width, width));
        if (options.progress && end > reported) options.progress(end, texts.size());
    }
}

std::vector<double> mean_latent(Engine& engine, std::span<const std::string> texts,
                                const LatentOptions& options) {
    if (texts.empty()) throw Error(Code::bad_input, "no texts to average over; give at least one");
    std::vector<double> mean;
    for_each_latent(engine, texts, options, [&](std::size_t, std::span<const float> latent) {
        mean.resize(latent.size(), 0.0);
        for (std::size_t i = 0; i < latent.size(); ++i) mean[i] += static_cast<double>(latent[i]);
    });
    for (double& m : mean) m /= static_cast<double>(texts.size());
    return mean;
}

PairLatents pair_latents(Engine& engine, std::span<const Pair> pairs, const LatentOptions& options) {
    std::vector<std::string> texts;
    for (std::size_t p = 0; p < pairs.size(); ++p)
        for (const std::string* text : {&pairs[p].negative, &pairs[p].positive}) {
            if (text->empty()) throw Error(Code::bad_input, fmt::format("pair {} has an empty text", p));
            texts.push_back(*text);
        }
    if (!pairs.empty() &&
        std::all_of(pairs.begin(), pairs.end(), [](const Pair& p) { return p.negative == p.positive; }))
        throw Error(
            Code::bad_input,
            fmt::format(
                "the two texts of {} are the same, so there is no difference to steer along; expected "
                "pairs of a negative and a positive text",
                pairs.size() == 1 ? "the pair" : fmt::format("each of the {} pairs", pairs.size())));
    LatentOptions of_texts = options;
    if (options.progress)
        of_texts.progress = [&](std::size_t done, std::size_t all) { options.progress(done / 2, all / 2); };
    PairLatents latents;
    for_each_latent(engine, texts, of_texts, [&](std::size_t i, std::span<const float> latent) {
        (i % 2 == 0 ? latents.negative : latents.positive).emplace_back(latent.begin(), latent.end());
    });
    return latents;
}

std::vector<std::vector<float>> PairLatents::differences() const {
    std::vector<std::vector<float>> rows = positive;
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t k = 0; k < rows[i].size(); ++k) rows[i][k] -= negative[i][k];
    return rows;
}

std::vector<double> mean_row(std::span<const std::vector<float>> rows) {
    std::vector<double> mean;
    for (const auto& row : rows) {
        mean.resize(row.size(), 0.0);
        for (std::size_t i = 0; i < row.size(); ++i) mean[i] += static_cast<double>(row[i]);
    }
    for (double& m : mean) m /= static_cast<double>(rows.size());
    return mean;
}

}  // namespace tiller
