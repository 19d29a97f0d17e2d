#include "cli/bench_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/memory.h"
#include "tiller/plain_decode.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

SharedFloats random_vector(std::size_t n, std::uint64_t seed) {
    Random random(seed, "bench");
    auto values = std::make_shared<std::vector<float>>(n);
    for (float& v : *values) v = static_cast<float>(random.normal() * 0.02);
    return values;
}

int longest_prompt(const Model& model, const std::vector<FvTrials::Patch>& prompts) {
    std::size_t longest = 0;
    for (const auto& p : prompts) longest = std::max(longest, model.tokenize_prompt(p.prompt).size());
    return static_cast<int>(longest);
}

// The shape in which the engine decodes fastest, of those that fill a batch and have `share` logits per
// token.
PlainShape best_shape(const Bench& bench, double share) {
    PlainShape best;
    double least = 0;
    for (int n_row : {1, 4, 16, 64}) {
        const int length = 512 / n_row;
        const PlainShape shape{n_row, length, std::clamp(static_cast<int>(std::lround(512 * share)), 1, 512)};
        const double t = plain_decode_seconds(bench.model, bench.options, shape, 1, bench.cancel);
        if (least == 0 || t < least) {
            least = t;
            best = shape;
        }
    }
    return best;
}

// Runs rows; seconds and tokens.
std::pair<double, double> timed_run(Engine& engine, const std::vector<Row>& rows) {
    const double before = tokens_of(engine);
    const double seconds = seconds_of([&] { engine.run(rows); });
    return {seconds, tokens_of(engine) - before};
}

}  // namespace

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double tokens_of(const Engine& engine) {
    return static_cast<double>(engine.stats().n_token - engine.stats().n_padding);
}

std::unique_ptr<Engine> Bench::engine(int max_rows) const {
    EngineOptions o = options;
    o.max_rows = max_rows;
    auto made = std::make_unique<Engine>(model, o);
    made->cancel_with(cancel);
    return made;
}

std::vector<Row> generation_rows(const Model& model, int n_row, int n_new, bool steered) {
    const ModelInfo& info = model.info();
    std::vector<Row> rows;
    for (int r = 0; r < n_row; ++r) {
        Row row;
        row.prompt = model.tokenize(fmt::format("Here is a short note about the number {}:", 100 + r));
        row.max_new_tokens = n_new;
        if (steered) {
            const auto vector =
                random_vector(static_cast<std::size_t>(info.n_embd), static_cast<std::uint64_t>(r));
            // Small strengths: the time does not depend on them, and both runs should generate alike.
            if (r % 2 == 0)
                row.edits = {{Site::residual,
                              info.n_layer / 3,
                              -1,
                              Operation::add,
                              {Positions::Kind::steered, 0, 0},
                              vector,
                              0.01f}};
            for (int il = 0; r % 2 == 1 && il < info.n_layer; ++il)
                row.edits.push_back(
                    {Site::mlp_output, il, -1, Operation::turn, {Positions::Kind::all, 0, 0}, vector, 0.01f});
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

json bench_memory(const Bench& bench) {
    bench.say("memory");
    const auto engine = bench.engine(bench.options.max_rows);
    const auto rows = generation_rows(*bench.model, bench.options.max_rows, bench.n_new, true);
    std::size_t longest = 0;
    for (const auto& row : rows) longest = std::max(longest, row.prompt.size());
    const MemoryNeed need = engine->memory_need(static_cast<int>(longest) + bench.n_new,
                                                longest_prompt(*bench.model, bench.trials.patch),
                                                bench.model->info().n_head_total() + 1);
    bench.say(memory_text(need));
    require_memory(need);
    FvTrials one = bench.trials;
    one.patch.resize(1);
    search_heads(*engine, one);
    engine->run(rows);
    const std::uint64_t allowed = need.model + need.caches + 300'000'000;
    return {{"model_bytes", need.model}, {"cache_bytes", need.caches},  {"buffer_bytes", need.buffers},
            {"free_bytes", need.free},   {"peak_bytes", peak_memory()}, {"allowed_bytes", allowed},
            {"rows", need.n_rows}};
}

json bench_sweep(const Bench& bench) {
    bench.say("head search");
    const auto engine = bench.engine(bench.options.max_rows);
    const double n_row = bench.model->info().n_head_total() + 1;
    std::vector<double> sweep, plain;
    double tokens = 0;
    const auto search = [&] {
        const double before = tokens_of(*engine);
        const double seconds = seconds_of([&] { search_heads(*engine, bench.trials); });
        tokens = tokens_of(*engine) - before;
        return seconds;
    };
    FvTrials warm = bench.trials;
    warm.patch.resize(1);
    search_heads(*engine, warm);
    sweep.push_back(search());
    bench.say("plain decoding");
    const double share = n_row * static_cast<double>(bench.trials.patch.size()) / tokens;
    const PlainShape shape = best_shape(bench, share);
    const int per_batch = shape.n_row * shape.length;
    const int n_batch = std::max(1, static_cast<int>(std::lround(tokens / per_batch)));
    for (int i = 0; i < bench.repeats; ++i) {
        if (i > 0) {
            bench.say(fmt::format("head search, round {} of {}", i + 1, bench.repeats));
            sweep.push_back(search());
        }
        plain.push_back(plain_decode_seconds(bench.model, bench.options, shape, n_batch, bench.cancel));
    }
    const double plain_tokens = static_cast<double>(per_batch) * n_batch;
    const double speed = tokens / median(sweep), plain_speed = plain_tokens / median(plain);
    return {{"prompts", bench.trials.patch.size()},
            {"rows", n_row},
            {"tokens", tokens},
            {"seconds", median(sweep)},
            {"seconds_all", sweep},
            {"tokens_per_second", speed},
            {"plain_shape", {{"rows", shape.n_row}, {"length", shape.length}, {"outputs", shape.n_output}}},
            {"plain_tokens", plain_tokens},
            {"plain_seconds", median(plain)},
            {"plain_seconds_all", plain},
            {"plain_tokens_per_second", plain_speed},
            {"efficiency", speed / plain_speed}};
}

json bench_generation(const Bench& bench, int n_row) {
    bench.say(fmt::format("generation, {} rows", n_row));
    const auto engine = bench.engine(n_row);
    const auto unsteered = generation_rows(*bench.model, n_row, bench.n_new, false),
               steered = generation_rows(*bench.model, n_row, bench.n_new, true);
    timed_run(*engine, steered);  // makes the caches
    std::vector<double> without, with, ratios;
    double n_without = 0, n_with = 0;
    for (int i = 0; i < bench.repeats; ++i) {
        const auto [t0, n0] = timed_run(*engine, unsteered);
        const auto [t1, n1] = timed_run(*engine, steered);
        without.push_back(t0);
        with.push_back(t1);
        // Per token: a row that meets its end of text early computes fewer.
        ratios.push_back(t1 / n1 / (t0 / n0));
        n_without = n0;
        n_with = n1;
    }
    return {{"rows", n_row},
            {"new_tokens", bench.n_new},
            {"unsteered_seconds", median(without)},
            {"unsteered_tokens", n_without},
            {"steered_seconds", median(with)},
            {"steered_tokens", n_with},
            {"ratio", median(ratios)}};
}

json bench_settings(const Bench& bench, const std::vector<Prompt>& prompts) {
    constexpr int n_layer = 8, n_strength = 6, n_vector = 8;
    bench.say(fmt::format("settings on {} items", prompts.size()));
    const auto engine = bench.engine(bench.options.max_rows);
    const ModelInfo& info = bench.model->info();
    std::vector<Edit> settings;
    for (int v = 0; v < n_vector; ++v) {
        const auto vector =
            random_vector(static_cast<std::size_t>(info.n_embd), static_cast<std::uint64_t>(v));
        for (int l = 0; l < n_layer; ++l)
            for (int s = 0; s < n_strength; ++s)
                settings.push_back({Site::residual,
                                    l * info.n_layer / n_layer,
                                    -1,
                                    Operation::add,
                                    {Positions::Kind::steered, 0, 0},
                                    vector,
                                    0.5f * static_cast<float>(s + 1)});
    }
    std::vector<Row> rows;
    double n_token = 0;
    for (const auto& prompt : prompts) {
        Row row;
        row.prompt = bench.model->tokenize_prompt(prompt.text);
        row.watch = {bench.model->continuation(prompt.text, prompt.target).at(0)};
        n_token += static_cast<double>(row.prompt.size());
        rows.push_back(std::move(row));
    }
    std::vector<Row> branches;
    const auto fork = [&](const Row& row) {
        branches.assign(settings.size(), row);
        for (std::size_t s = 0; s < settings.size(); ++s) branches[s].edits = {settings[s]};
        engine->fork(branches);
    };
    fork(rows.front());  // makes the cache
    const double together = seconds_of([&] {
        for (const auto& row : rows) fork(row);
    });
    bench.say(fmt::format("settings alone, {} of {}", bench.n_alone, settings.size()));
    const auto alone = [&](const Edit& edit) {
        for (auto& row : rows) row.edits = {edit};
        engine->run(rows);
    };
    alone(settings.front());
    std::vector<double> seconds;
    for (int i = 0; i < bench.n_alone; ++i) {
        const auto& edit =
            settings[settings.size() * static_cast<std::size_t>(i) / static_cast<std::size_t>(bench.n_alone)];
        seconds.push_back(seconds_of([&] { alone(edit); }));
    }
    const double all_alone = median(seconds) * static_cast<double>(settings.size());
    return {{"settings", settings.size()},
            {"items", rows.size()},
            {"prompt_tokens_mean", n_token / static_cast<double>(rows.size())},
            {"seconds", together},
            {"alone_seconds_extrapolated", all_alone},
            {"alone_settings_measured", bench.n_alone},
            {"ratio", all_alone / together}};
}

}  // namespace tiller::cli
