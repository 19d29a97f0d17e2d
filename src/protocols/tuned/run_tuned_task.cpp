// The tuned protocol on one task.
#include <fmt/format.h>

#include "protocols/tuned/controls.h"
#include "protocols/tuned/evidence.h"
#include "protocols/tuned/tuned.h"
#include "study/contestants.h"
#include "study/tune.h"
#include "study/units.h"

namespace tiller::study {

std::vector<Candidate> baselines(const TaskContext& c) {
    std::vector<Candidate> out = {zero_shot()};
    const auto with_text = [&](const char* id, const std::string& label, const std::string& text) {
        Candidate k{id, label, "prompt", Kind::baseline};
        k.form = with_instruction(c.form, text);
        out.push_back(std::move(k));
    };
    if (c.instruction) {
        with_text("cue", fmt::format("One-word cue (\"{}\")", c.instruction->cue), c.instruction->cue);
        with_text("instruction", "Instruction prompt", c.instruction->text);
    }
    out.push_back(few_shot(c.counts().n_shot));
    return out;
}

void Tuned::run(TaskContext& c) const {
    if (c.plan.tuning.n_fold > 1) return run_draws(c);
    std::vector<Candidate> test = baselines(c);
    TaskClosing closing;
    TunedClosing part;
    TunedMethods all = tune_methods(c, c.plan.methods);
    for (std::size_t m = 0; m < all.methods.size(); ++m) {
        const std::string& name = c.plan.methods[m];
        const Method& method = contestant(c.plan, name);
        TunedMethod& tuned = all.methods[m];
        const Setting best = tuned.chosen.setting;
        if (has_effects(tuned.base)) set_effects(closing, tuned.base.aie);
        closing.vector_prompts[name] = tuned.base.provenance.prompts_digest;
        for (const auto& [title, file] : tuned.files) closing.vector_files[title] = file;
        closing.chosen[name] = best;
        part.evidence[name] = method_evidence(c, method, tuned.base, tuned.chosen_vector);
        for (const auto& k : tuned.grid) {
            closing.grid.push_back(setting_record(k));
            if (k.setting == tuned.paper.setting) part.selection[name].standard = k.id;
            if (k.setting == best) part.selection[name].chosen = k.id;
        }
        test.push_back(std::move(tuned.paper));
        test.push_back(std::move(tuned.chosen));
        if (c.plan.controls) test.push_back(random_control(c, method, test.back(), tuned.chosen_vector));
    }
    closing.test_units = run_test_items(c, test);
    closing.valid_units = all.valid_units;
    closing.settings = setting_records(test);
    part.oracle_units = all.oracle_units;
    close_task(c, closing, part);
}

}  // namespace tiller::study
