#include "study/units.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util.h"
#include "study/cost_ledger.h"
#include "study/evaluate.h"
#include "study/extraction.h"
#include "tiller/task_check.h"

namespace tiller::study {

std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key) {
    return fmt::format("{}/{}/s{}/{}#{}", model, task, seed, what,
                       Digest().add(key).add(what).hex().substr(0, 12));
}

std::string unit_name(const TaskContext& c, const std::string& what) {
    const std::string of_draw = c.draw < 0 ? what : fmt::format("draw{}/{}", c.draw + 1, what);
    return unit_name(c.model_name, c.task.name, c.seed, of_draw, c.key);
}

std::uint64_t seed_of(std::uint64_t seed, std::string_view kind, int number) {
    const std::string hex = Digest().add(seed).add(kind).add(static_cast<std::uint64_t>(number)).hex();
    return std::stoull(hex.substr(0, 12), nullptr, 16);
}

std::uint64_t seed_of_draw(std::uint64_t seed, int draw) { return seed_of(seed, "draw", draw); }

void charge(const TaskContext& c, const std::vector<std::string>& methods, const std::string& phase,
            const EngineStats& before) {
    const Cost whole = spent({c.model_name, c.task.name, "", phase}, before, c.engine.stats());
    for (const Cost& part : shares_of(whole, methods)) add_cost(c.folder, part);
}

std::size_t whole_part(std::size_t n_each, std::size_t n_row) {
    const std::size_t most = std::max<std::size_t>(1, 4 * n_row / n_each);
    std::size_t best = 1;
    double least = 2;  // smallest share of empty rows so far; 2 = none yet
    for (std::size_t n = (most + 1) / 2; n <= most; ++n) {
        const std::size_t used = n * n_each, held = (used + n_row - 1) / n_row * n_row;
        const double empty = static_cast<double>(held - used) / static_cast<double>(held);
        if (empty <= least) best = n, least = empty;
    }
    return best;
}

std::vector<std::string> run_test_items(TaskContext& c, std::span<const Candidate> candidates,
                                        const std::string& name, bool generate) {
    std::vector<std::string> units;
    const std::size_t part = whole_part(candidates.size(), c.max_rows());
    for (std::size_t begin = 0; begin < c.test.size(); begin += part) {
        const auto items = std::span(c.test).subspan(begin, std::min(part, c.test.size() - begin));
        unit<ItemRecord>(c, fmt::format("{}/{}+{}", name, begin, items.size()), {"all"}, "test", units, [&] {
            return evaluate(
                c, items, candidates, Phase::test,
                fmt::format("{} items {}-{} of {}", name, begin + 1, begin + items.size(), c.test.size()),
                generate);
        });
    }
    return units;
}

void set_effects(TaskClosing& closing, const std::vector<std::vector<float>>& aie) {
    closing.aie.clear(), closing.top_heads.clear();
    if (aie.empty()) return;
    for (const auto& layer : aie) closing.aie.emplace_back(layer.begin(), layer.end());
    auto ranked = rank_heads(aie);
    ranked.resize(std::min<std::size_t>(ranked.size(), 20));
    for (const auto& h : ranked) closing.top_heads.push_back({h.layer, h.head, static_cast<double>(h.aie)});
}

bool is_finished(const TaskContext& c) {
    const std::string closing = unit_name(c, closing_unit);
    if (!c.journal.has(closing)) return false;
    const auto task = c.journal.records<TaskClosing>(closing).at(0);
    return std::all_of(task.vector_files.begin(), task.vector_files.end(),
                       [&](const auto& file) { return std::filesystem::exists(c.folder / file.second); });
}

void finish_closing(TaskContext& c, TaskClosing& closing) {
    closing.model = c.model_name, closing.task = c.task.name, closing.family = c.task.family;
    closing.primary = c.primary, closing.seed = c.seed, closing.task_digest = c.task.digest;
    if (closing.chosen_by_draw.empty()) {  // with draws, each has training items of its own (CrossFit)
        closing.n_train = static_cast<int>(c.split.train.size());
        closing.n_seen = static_cast<int>(items_seen(c.task, c.split.train, c.test).size());
    }
    closing.n_valid = static_cast<int>(c.valid.size());
    closing.n_test = static_cast<int>(c.test.size());
    closing.checked = c.host.check;
    for (int i : c.test) closing.items.push_back({c.item(i).id, c.item(i).input, c.item(i).output});
    if (c.scorer && !closing.scorer)
        closing.scorer = {c.scorer->held_out_accuracy(), c.scorer->held_out_count()};
    remove_checkpoints(c);
}

void close_task(TaskContext& c, TaskClosing closing) {
    finish_closing(c, closing);
    std::vector<std::string> ignored;
    unit<TaskClosing>(c, closing_unit, {"all"}, "close", ignored, [&] { return std::vector{closing}; });
}

}  // namespace tiller::study
