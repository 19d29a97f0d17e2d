// One task under the protocol of arXiv 2411.07213.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/paper/paper.h"
#include "study/extraction.h"
#include "study/units.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

// Throws bad_input when the model's context is too short for the longest prompts. These are known before any
// work, so that the error does not come after the head search.
void check_context(const TaskContext& c) {
    const int n_shot = c.counts().n_shot, added = c.counts().max_new_tokens;
    const int limit = c.engine.info().n_ctx_train;
    for (const int item : c.test) {
        const auto prompt = make_test_prompt(c.task, c.split.train, item, n_shot, c.seed);
        const auto n = static_cast<int>(c.tokens(prompt).size()) + added;
        if (n > limit)
            throw Error(Code::bad_input,
                        fmt::format("task {}: a prompt with {} demonstrations and {} new tokens takes {} "
                                    "tokens, but {} has a context of {}; lower {} in the plan",
                                    c.task.name, n_shot, added, n, c.model_name, limit,
                                    c.behavioural() ? "n_shot_behavioural" : "n_shot"));
    }
}

bool has_method(const TaskContext& c, const char* name) {
    return std::find(c.plan.methods.begin(), c.plan.methods.end(), name) != c.plan.methods.end();
}

std::string icv_name(int n_pairs) { return fmt::format("icv, {} pairs", n_pairs); }

}  // namespace

void Paper::run(TaskContext& c) const {
    const auto counts = has_method(c, "icv") ? pair_counts(c) : std::vector<int>{};
    TaskClosing closing;
    if (has_method(c, "fv")) closing.vector_files["fv"] = vector_file(c, find_method("fv")).string();
    for (const int n : counts)
        closing.vector_files[icv_name(n)] = vector_file(c, find_method("icv"), n).string();
    check_context(c);

    const Model& model = c.engine.model();
    PaperVectors vectors;
    if (has_method(c, "fv")) {
        const Method& method = find_method("fv");
        const SteeringVector base = extracted_vector(c, method);
        const Setting setting = method.paper_setting(model.info());
        vectors.fv = {edits_of(method.builder(model, base)(setting), method.strength(setting)), setting};
        closing.vector_prompts["fv"] = base.provenance.prompts_digest;
        set_effects(closing, base.aie);
    }
    for (const auto& [n, vector] : extracted_vectors(c, find_method("icv"), counts)) {
        vectors.icv[n] = {edits_of(vector, 1), {{"pairs", n}}};
        closing.vector_prompts[icv_name(n)] = vector.provenance.prompts_digest;
    }

    const Conditions conditions = paper_conditions(c, vectors);
    std::vector<Candidate> run;
    for (const auto& k : conditions.all)
        if (k.same_as.empty()) run.push_back(k);
    closing.test_units = run_test_items(c, run);
    closing.tables.emplace();
    for (const auto& table : conditions.tables) {
        std::vector<SettingRecord> settings;
        for (const auto k : table.conditions) settings.push_back(setting_record(conditions.all[k]));
        if (&table == &conditions.tables.front())
            closing.settings = std::move(settings);
        else
            closing.tables->push_back({table.id, table.title, table.primary, std::move(settings)});
    }
    close_task(c, closing);
}

}  // namespace tiller::study
