// Units of work and the closing record of a task, for every protocol.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/util.h"
#include "study/cost_ledger.h"
#include "study/task_run.h"
#include "tiller/task_check.h"

namespace tiller::study {

using nlohmann::json;

std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key) {
    return fmt::format("{}/{}/s{}/{}#{}", model, task, seed, what,
                       Digest().add(key).add(what).hex().substr(0, 12));
}

const std::vector<json>& unit(TaskContext& c, const std::string& name,
                              const std::vector<std::string>& methods, const std::string& phase,
                              std::vector<std::string>& units,
                              const std::function<std::vector<json>()>& compute) {
    const std::string key = unit_name(c.model_name, c.task.name, c.seed, name, c.key);
    units.push_back(key);
    if (c.journal.has(key)) return c.journal.records(key);
    const EngineStats before = c.engine.stats();
    c.journal.append(key, compute());
    const Cost whole = spent({c.model_name, c.task.name, "", phase}, before, c.engine.stats());
    std::map<std::string, std::size_t> parts;
    for (const auto& method : methods) ++parts[method];
    // Whole numbers whose sum is what was counted.
    std::size_t done = 0;
    const auto share = [&](std::uint64_t all, std::size_t n) {
        return all * (done + n) / methods.size() - all * done / methods.size();
    };
    for (const auto& [method, n] : parts) {
        Cost part = whole;
        part.method = method;
        part.n_decode = share(whole.n_decode, n);
        part.n_token = share(whole.n_token, n);
        part.seconds = whole.seconds * static_cast<double>(n) / static_cast<double>(methods.size());
        add_cost(c.folder, part);
        done += n;
    }
    return c.journal.records(key);
}

const std::vector<json>& unit(TaskContext& c, const std::string& name, const std::string& method,
                              const std::string& phase, std::vector<std::string>& units,
                              const std::function<std::vector<json>()>& compute) {
    return unit(c, name, std::vector<std::string>{method}, phase, units, compute);
}

std::size_t whole_part(std::size_t n_each, std::size_t n_row) {
    const std::size_t most = std::max<std::size_t>(1, 4 * n_row / n_each);
    std::size_t best = 1;
    double least = 2;  // share of empty rows
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
    const std::size_t part =
        whole_part(candidates.size(), static_cast<std::size_t>(c.engine.options().max_rows));
    for (std::size_t begin = 0; begin < c.test.size(); begin += part) {
        const auto items = std::span(c.test).subspan(begin, std::min(part, c.test.size() - begin));
        unit(c, fmt::format("{}/{}+{}", name, begin, items.size()), "all", "test", units, [&] {
            return evaluate(
                c, items, candidates, "test",
                fmt::format("{} items {}-{} of {}", name, begin + 1, begin + items.size(), c.test.size()),
                generate);
        });
    }
    return units;
}

json setting_record(const Candidate& k) {
    json record = {
        {"id", k.id}, {"label", k.label}, {"method", k.method}, {"kind", k.kind}, {"setting", k.setting}};
    if (!k.clean.empty()) record["clean"] = k.clean;
    if (!k.same_as.empty()) record["same_as"] = k.same_as;
    return record;
}

json top_heads(const json& aie) {
    json top = json::array();
    if (aie.empty()) return top;
    auto ranked = rank_heads(aie.get<std::vector<std::vector<float>>>());
    ranked.resize(std::min<std::size_t>(ranked.size(), 20));
    for (const auto& h : ranked) top.push_back({{"layer", h.layer}, {"head", h.head}, {"aie", h.aie}});
    return top;
}

bool is_finished(const TaskContext& c) {
    const std::string closing = unit_name(c.model_name, c.task.name, c.seed, closing_unit, c.key);
    if (!c.journal.has(closing)) return false;
    const json& vectors = c.journal.records(closing).at(0).at("vector_files");
    return std::all_of(vectors.begin(), vectors.end(), [&](const json& file) {
        return std::filesystem::exists(c.folder / file.get<std::string>());
    });
}

void close_task(TaskContext& c, const json& parts) {
    json items = json::array();
    for (int i : c.test) {
        const Item& item = c.task.items[static_cast<std::size_t>(i)];
        items.push_back({{"item", item.id}, {"input", item.input}, {"target", item.output}});
    }
    json closing = {{"type", "task"},
                    {"model", c.model_name},
                    {"task", c.task.name},
                    {"family", family_name(c.task.family)},
                    {"primary", c.primary},
                    {"seed", c.seed},
                    {"n_train", c.split.train.size()},
                    {"n_seen", items_seen(c.task, c.split.train, c.test).size()},
                    {"n_valid", c.valid.size()},
                    {"n_test", c.test.size()},
                    {"task_digest", c.task.digest},
                    {"checked", c.host.check},
                    {"items", items}};
    closing.update(parts);
    if (c.scorer)
        closing["scorer"] = {{"accuracy", c.scorer->held_out_accuracy()},
                             {"count", c.scorer->held_out_count()}};
    remove_checkpoints(c);
    std::vector<std::string> ignored;
    unit(c, closing_unit, "all", "close", ignored, [&] { return std::vector<json>{closing}; });
}

}  // namespace tiller::study
