#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/names.h"
#include "core/util.h"
#include "study/task_run.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

using nlohmann::json;

std::string setting_text(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting) text += fmt::format(" {}={}", key, value);
    return text;
}

std::string setting_label(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
    return text;
}

// A unit of work: from the journal when it is there, else computed, written and charged to the ledger.
const std::vector<json>& unit(TaskContext& c, const std::string& name, const std::string& method,
                              const std::string& phase, std::vector<std::string>& units,
                              const std::function<std::vector<json>()>& compute) {
    const std::string key = unit_name(c.model_name, c.task.name, c.seed, name, c.key);
    units.push_back(key);
    if (!c.journal.has(key)) {
        const EngineStats before = c.engine.stats();
        c.journal.append(key, compute());
        const EngineStats& after = c.engine.stats();
        add_cost(c.folder, {c.model_name, c.task.name, method, phase, after.n_decode - before.n_decode,
                            after.n_token - before.n_token, after.seconds - before.seconds});
    }
    return c.journal.records(key);
}

json setting_record(const Candidate& k) {
    return {{"id", k.id}, {"label", k.label}, {"method", k.method}, {"kind", k.kind}, {"setting", k.setting}};
}

// Validation points of one method; small lists of settings are split over units so that little is lost when
// killed.
std::vector<json> tune(TaskContext& c, const Method& method, const std::vector<Candidate>& grid,
                       std::vector<std::string>& units) {
    std::vector<json> all;
    const std::size_t part = c.behavioural() ? 2 : grid.size();
    for (std::size_t begin = 0; begin < grid.size(); begin += part) {
        const auto some = std::span(grid).subspan(begin, std::min(part, grid.size() - begin));
        const auto& records =
            unit(c, fmt::format("valid/{}/{}", method.name(), begin), method.name(), "tune", units, [&] {
                return evaluate(c, c.valid, some, "valid", method.name() + ": validation", c.behavioural());
            });
        all.insert(all.end(), records.begin(), records.end());
    }
    return all;
}

}  // namespace

std::string unit_name(const std::string& model, const std::string& task, std::uint64_t seed,
                      const std::string& what, const std::string& key) {
    return fmt::format("{}/{}/s{}/{}#{}", model, task, seed, what,
                       Digest().add(key).add(what).hex().substr(0, 12));
}

bool is_finished(const TaskContext& c) {
    return c.journal.has(unit_name(c.model_name, c.task.name, c.seed, closing_unit, c.key)) &&
           std::all_of(c.plan.methods.begin(), c.plan.methods.end(), [&](const std::string& name) {
               return std::filesystem::exists(c.folder / vector_file(c, find_method(name)));
           });
}

void run_task(TaskContext& c) {
    const Model& model = c.engine.model();
    if (c.behavioural()) {
        std::vector<int> held_out = c.split.test;
        held_out.insert(held_out.end(), c.split.valid.begin(), c.split.valid.end());
        c.scorer = StyleScorer::train(c.task, c.split.train, held_out);
    }
    const int n_shot = c.behavioural() ? c.plan.n_shot_behavioural : c.plan.n_shot;
    std::vector<Candidate> test = {
        {"zero-shot", "Zero-shot", "none", "baseline", {}, {}, 0},
        {fmt::format("{}-shot", n_shot),
         fmt::format("{}-shot prompt", n_shot),
         "prompt",
         "baseline",
         {},
         {},
         n_shot},
    };
    json grid_records = json::array(), chosen = json::object(), aie = json::array();
    std::vector<std::string> valid_units, test_units;
    json vectors = json::object(), files = json::object();
    for (const auto& name : c.plan.methods) {
        const Method& method = find_method(name);
        const SteeringVector base = extracted_vector(c, method);
        const auto build = method.builder(model, base);
        if (!base.aie.empty()) aie = base.aie;
        vectors[name] = base.provenance.prompts_digest;
        files[name] = vector_file(c, method).string();
        const auto candidate = [&](const Setting& setting, const std::string& id, const std::string& label,
                                   const std::string& kind) {
            return Candidate{
                id, label, name, kind, setting, edits_of(build(setting), method.strength(setting)), 0};
        };
        std::vector<Candidate> grid;
        for (const auto& setting : method.grid(model.info(), c.behavioural()))
            grid.push_back(candidate(setting, name + setting_text(setting), setting_label(setting), "grid"));
        const auto records = tune(c, method, grid, valid_units);
        for (const auto& k : grid) grid_records.push_back(setting_record(k));
        const Setting paper = method.paper_setting(model.info());
        const Setting best =
            grid.empty() ? paper
                         : grid[choose(grid, records, c.behavioural(), c.plan.collapse_limit)].setting;
        chosen[name] = best;
        test.push_back(candidate(
            paper, name + "-paper",
            fmt::format("{}, paper's setting ({})", method_title(name), setting_label(paper)), "paper"));
        test.push_back(candidate(best, name + "-chosen",
                                 fmt::format("{}, chosen ({})", method_title(name), setting_label(best)),
                                 "chosen"));
        if (c.plan.controls) {
            const auto random = random_like(build(best), c.seed);
            test.push_back({name + "-random",
                            fmt::format("Random direction in place of the {}", method_title(name)), "random",
                            "control", best, edits_of(random, method.strength(best)), 0});
        }
    }
    // Items in parts: a killed run repeats at most one, and a part fills the engine's rows.
    const std::size_t part = std::max<std::size_t>(1, 64 / test.size());
    for (std::size_t begin = 0; begin < c.test.size(); begin += part) {
        const auto items = std::span(c.test).subspan(begin, std::min(part, c.test.size() - begin));
        unit(c, fmt::format("test/{}", begin), "all", "test", test_units, [&] {
            return evaluate(
                c, items, test, "test",
                fmt::format("test items {}-{} of {}", begin + 1, begin + items.size(), c.test.size()), true);
        });
    }

    json settings = json::array(), top = json::array(), items = json::array();
    for (const auto& k : test) settings.push_back(setting_record(k));
    if (!aie.empty()) {
        auto ranked = rank_heads(aie.get<std::vector<std::vector<float>>>());
        ranked.resize(std::min<std::size_t>(ranked.size(), 20));
        for (const auto& h : ranked) top.push_back({{"layer", h.layer}, {"head", h.head}, {"aie", h.aie}});
    }
    for (int i : c.test) {
        const Item& item = c.task.items[static_cast<std::size_t>(i)];
        items.push_back({{"item", item.id}, {"input", item.input}, {"target", item.output}});
    }
    json closing = {{"type", "task"},
                    {"model", c.model_name},
                    {"task", c.task.name},
                    {"family", family_name(c.task.family)},
                    {"primary", c.primary()},
                    {"seed", c.seed},
                    {"n_train", c.split.train.size()},
                    {"n_valid", c.valid.size()},
                    {"n_test", c.test.size()},
                    {"task_digest", c.task.digest},
                    {"settings", settings},
                    {"grid", grid_records},
                    {"chosen", chosen},
                    {"aie", aie},
                    {"top_heads", top},
                    {"items", items},
                    {"valid_units", valid_units},
                    {"test_units", test_units},
                    {"vector_prompts", vectors},
                    {"vector_files", files},
                    {"checked", c.host.check}};
    if (c.scorer)
        closing["scorer"] = {{"accuracy", c.scorer->held_out_accuracy()},
                             {"count", c.scorer->held_out_count()}};
    std::vector<std::string> ignored;
    unit(c, closing_unit, "all", "close", ignored, [&] { return std::vector<json>{closing}; });
}

}  // namespace tiller::study
