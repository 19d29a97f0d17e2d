// The tuned protocol on one task.
#include <fmt/format.h>

#include "core/names.h"
#include "study/contestants.h"
#include "study/task_run.h"
#include "study/tune.h"
#include "study/tuned/evidence.h"

namespace tiller::study {
namespace {

using nlohmann::json;

// Prompts that take no vector: zero-shot, an instruction, a one-word cue, demonstrations.
std::vector<Candidate> baselines(const TaskContext& c) {
    const int n_shot = c.behavioural() ? c.plan.n_shot_behavioural : c.plan.n_shot;
    std::vector<Candidate> out = {{"zero-shot", "Zero-shot", "none", "baseline", {}, {}, 0}};
    const auto with_text = [&](const char* id, const std::string& label, const std::string& text) {
        Candidate k{id, label, "prompt", "baseline", {}, {}, 0};
        k.form.instructions = text + "\n\n";
        out.push_back(std::move(k));
    };
    if (c.instruction) {
        with_text("cue", fmt::format("One-word cue (\"{}\")", c.instruction->cue), c.instruction->cue);
        with_text("instruction", "Instruction prompt", c.instruction->text);
    }
    out.push_back({fmt::format("{}-shot", n_shot),
                   fmt::format("{}-shot prompt", n_shot),
                   "prompt",
                   "baseline",
                   {},
                   {},
                   n_shot});
    return out;
}

}  // namespace

void run_task(TaskContext& c) {
    std::vector<Candidate> test = baselines(c);
    json grid = json::array(), chosen = json::object(), aie = json::array();
    json selection = json::object();
    json vectors = json::object(), files = json::object(), evidence = json::object();
    TunedMethods all = tune_methods(c, c.plan.methods);
    for (std::size_t m = 0; m < all.methods.size(); ++m) {
        const std::string& name = c.plan.methods[m];
        const Method& method = contestant(c.plan, name);
        TunedMethod& tuned = all.methods[m];
        if (has_effects(tuned.base)) aie = tuned.base.aie;
        vectors[name] = tuned.base.provenance.prompts_digest;
        for (const auto& [title, file] : tuned.files) files[title] = file;
        for (const auto& k : tuned.grid) grid.push_back(setting_record(k));
        const Setting best = tuned.chosen.setting;
        chosen[name] = best;
        evidence[name] = method_evidence(c, method, tuned.base, tuned.chosen_vector);
        for (const auto& k : tuned.grid) {
            if (k.setting == tuned.paper.setting) selection[name]["default"] = k.id;
            if (k.setting == best) selection[name]["chosen"] = k.id;
        }
        test.push_back(std::move(tuned.paper));
        test.push_back(std::move(tuned.chosen));
        if (c.plan.controls) {
            const auto random = random_like(tuned.chosen_vector, c.seed);
            test.push_back({name + "-random",
                            fmt::format("Random direction in place of the {}", method_title(name)), "random",
                            "control", best, edits_of(random, method.strength(best)), 0});
        }
    }
    const auto test_units = run_test_items(c, test);
    json settings = json::array();
    for (const auto& k : test) settings.push_back(setting_record(k));
    close_task(c, {{"settings", settings},
                   {"grid", grid},
                   {"chosen", chosen},
                   {"selection", selection},
                   {"oracle_units", all.oracle_units},
                   {"aie", aie},
                   {"top_heads", top_heads(aie)},
                   {"evidence", evidence},
                   {"valid_units", all.valid_units},
                   {"test_units", test_units},
                   {"vector_prompts", vectors},
                   {"vector_files", files}});
}

}  // namespace tiller::study
