#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/bench_parts.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

// Fits seconds = fixed + each * x by least squares of the relative errors. Part of the cost is fixed (a
// prompt that branches share, a graph's weights), the rest grows in proportion.
json curve(const std::string& what, const std::vector<double>& x, const std::vector<double>& seconds) {
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double weight = 1 / (seconds[i] * seconds[i]);
        w += weight;
        wx += weight * x[i];
        wy += weight * seconds[i];
        wxx += weight * x[i] * x[i];
        wxy += weight * x[i] * seconds[i];
    }
    const double spread = w * wxx - wx * wx;
    const double each = spread > 0 ? (w * wxy - wx * wy) / spread : 0, fixed = (wy - each * wx) / w;
    double miss = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        miss = std::max(miss, std::fabs(fixed + each * x[i] - seconds[i]) / seconds[i]);
    return {{"what", what},   {"x", x},       {"seconds", seconds},
            {"fixed", fixed}, {"each", each}, {"largest_miss", miss}};
}

// The head search's batch for one prompt of n_token tokens and n_row rows, each but the first with one head
// replaced.
std::vector<Row> sweep_rows(const Bench& bench, int n_token, int n_row) {
    const ModelInfo& info = bench.model->info();
    Row clean;
    std::string text;
    while (static_cast<int>(clean.prompt.size()) < n_token) {
        text += bench.trials.patch.front().prompt + "\n";
        clean.prompt = bench.model->tokenize(text);
    }
    clean.prompt.resize(static_cast<std::size_t>(n_token));
    clean.watch = {0};
    std::vector<Row> rows{clean};
    for (int il = 0; il < info.n_layer; ++il)
        for (int h = 0; h < info.n_head[static_cast<std::size_t>(il)]; ++h) {
            if (static_cast<int>(rows.size()) >= n_row) return rows;
            rows.push_back(clean);
            rows.back().edits = {
                {Site::head_output,
                 il,
                 h,
                 Operation::replace,
                 {Positions::Kind::last_prompt, 0, 0},
                 std::make_shared<const std::vector<float>>(
                     static_cast<std::size_t>(info.d_head[static_cast<std::size_t>(il)]), 0.01f),
                 1}};
        }
    return rows;
}

// Tokens per row at which `n_row` rows in flight no longer fit; 0 when the model's context ends first.
int memory_end(const Bench& bench, int n_row) {
    const auto engine = bench.engine(n_row);
    const auto fits = [&](int n_token) {
        const MemoryNeed need = engine->memory_need(n_token);
        return need.n_rows >= n_row;
    };
    int low = 256, high = bench.model->info().n_ctx_train;
    if (high <= low || fits(high)) return 0;
    while (high - low > 256) {
        const int middle = low + (high - low) / 2;
        (fits(middle) ? low : high) = middle;
    }
    return high;
}

}  // namespace

json bench_growth(const Bench& bench) {
    const int all_heads = bench.model->info().n_head_total() + 1;
    json curves = json::array();
    const auto engine = bench.engine(bench.options.max_rows);
    const auto time_of = [&](const std::function<void()>& work) {
        work();
        std::vector<double> seconds;
        seconds.reserve(static_cast<std::size_t>(bench.repeats));
        for (int i = 0; i < bench.repeats; ++i) seconds.push_back(seconds_of(work));
        return median(seconds);
    };
    std::vector<double> x, seconds;
    const auto finish = [&](const std::string& what) {
        curves.push_back(curve(what, x, seconds));
        x.clear();
        seconds.clear();
    };
    const auto fork_point = [&](double at, int n_token, int n_row, int n_item) {
        const auto rows = sweep_rows(bench, n_token, n_row);
        x.push_back(at);
        seconds.push_back(time_of([&] {
            for (int i = 0; i < n_item; ++i) engine->fork(rows);
        }));
    };
    const int n_ctx = std::max(bench.model->info().n_ctx_train, 8);
    bench.say("growth with prompt length");
    for (int n_token : {64, 128, 256, 512})
        if (n_token <= n_ctx) fork_point(n_token, n_token, all_heads, 1);
    finish("prompt length (tokens), all heads of one prompt");
    bench.say("growth with heads");
    const int short_prompt = std::min(64, n_ctx);
    for (int part : {8, 4, 2, 1})
        fork_point(std::max(2, all_heads / part), short_prompt, std::max(2, all_heads / part), 1);
    finish("rows of one prompt (layers x heads), 64 tokens");
    bench.say("growth with items");
    for (int n_item : {1, 2, 4, 8}) fork_point(n_item, short_prompt, std::max(2, all_heads / 4), n_item);
    finish("items (prompts), a quarter of the heads");
    bench.say("growth with rows in a batch");
    const auto wide = bench.engine(256);
    for (int n_row : {1, 4, 16, 64, 256}) {
        const auto rows = generation_rows(*bench.model, n_row, bench.n_new, true);
        x.push_back(n_row);
        seconds.push_back(time_of([&] { wide->run(rows); }));
    }
    finish(fmt::format("rows in a batch, {} tokens generated", bench.n_new));
    return {{"curves", curves},
            {"memory_end_tokens_64_rows", memory_end(bench, 64)},
            {"free_bytes", engine->memory_need(256).free},
            {"n_ctx_train", bench.model->info().n_ctx_train}};
}

}  // namespace tiller::cli
