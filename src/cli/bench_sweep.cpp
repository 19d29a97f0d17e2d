#include "cli/bench_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "tiller/task.h"

namespace tiller::cli {
namespace {

constexpr int kLayers = 8, kScales = 6, kVectors = 8;

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<std::vector<Edit>> settings_of(const ModelInfo& info) {
    Random random(1, "bench sweep");
    std::vector<std::vector<Edit>> settings;
    for (int v = 0; v < kVectors; ++v) {
        auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(info.n_embd));
        for (float& x : *values) x = static_cast<float>(random.normal());
        for (int l = 0; l < kLayers; ++l)
            for (int s = 1; s <= kScales; ++s) {
                Edit edit;
                edit.site = Site::residual;
                edit.layer = l * info.n_layer / kLayers;
                edit.positions = {Positions::Kind::steered, 0, 0};
                edit.vector = values;
                edit.strength = static_cast<float>(s);
                settings.push_back({edit});
            }
    }
    return settings;
}

std::vector<Row> items_of(const Engine& engine, int n_item, int n_shot) {
    std::vector<Row> rows;
    for (int i = 0; i < n_item; ++i) {
        std::string text;
        for (int k = 0; k < n_shot; ++k)
            text += fmt::format("Q: number {}\nA: {}\n\n", 37 * i + k, 37 * i + k + 1);
        Row row;
        row.prompt = engine.model().tokenize(text + fmt::format("Q: number {}\nA:", 1000 + i));
        row.watch = {0};
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

void bench_sweep(Engine& engine, int n_item, int n_alone) {
    const auto settings = settings_of(engine.info());
    const int n_part = std::min(4, n_item / n_alone);  // items of the sweep in each round
    const auto n_setting = static_cast<double>(settings.size());
    std::string text = fmt::format(
        "{}: {} layers x {} strengths x {} vectors = {} settings on {} items, seconds.\n"
        "Timed in turn: {} settings alone on all items, and the sweep on {} items; extrapolated to all.\n"
        "{:<22} {:>9} {:>22} {:>22}\n",
        engine.info().name, kLayers, kScales, kVectors, settings.size(), n_item, n_alone, n_part * n_alone,
        "prompt", "sweep", "alone, items batched", "alone, one by one");
    for (const int n_shot : {0, 10}) {
        const auto items = items_of(engine, n_item, n_shot);
        double sweep = 0, batched = 0, single = 0;
        const auto forks = [&](int begin, int end) {
            for (int i = begin; i < end; ++i) {
                std::vector<Row> rows(settings.size(), items[static_cast<std::size_t>(i)]);
                for (std::size_t k = 0; k < rows.size(); ++k) rows[k].edits = settings[k];
                engine.fork(rows);
            }
        };
        forks(0, 1);  // grows the caches
        engine.run(items);
        // In turn, so that a machine that slows down slows all three.
        for (int a = 0; a < n_alone; ++a) {
            auto rows = items;
            for (Row& row : rows)
                row.edits = settings[static_cast<std::size_t>(a) * settings.size() /
                                     static_cast<std::size_t>(n_alone)];
            sweep += seconds_of([&] { forks(a * n_part, (a + 1) * n_part); });
            batched += seconds_of([&] { engine.run(rows); });
            single += seconds_of([&] {
                for (const Row& row : rows) engine.run({&row, 1});
            });
        }
        sweep *= static_cast<double>(n_item) / (n_part * n_alone);
        batched *= n_setting / n_alone;
        single *= n_setting / n_alone;
        text += fmt::format("{:<22} {:>9.1f} {:>12.0f} ({:>4.1f}x) {:>12.0f} ({:>4.1f}x)\n",
                            fmt::format("{} examples, {} tokens", n_shot, items[0].prompt.size()), sweep,
                            batched, batched / sweep, single, single / sweep);
    }
    print(text);
}

}  // namespace tiller::cli
