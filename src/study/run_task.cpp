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

void run_task(TaskContext& c) {
    const Model& model = c.engine.model();
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
    test_units = run_test_items(c, test);
    json settings = json::array();
    for (const auto& k : test) settings.push_back(setting_record(k));
    close_task(c, {{"settings", settings},
                   {"grid", grid_records},
                   {"chosen", chosen},
                   {"aie", aie},
                   {"top_heads", top_heads(aie)},
                   {"valid_units", valid_units},
                   {"test_units", test_units},
                   {"vector_prompts", vectors},
                   {"vector_files", files}});
}

}  // namespace tiller::study
