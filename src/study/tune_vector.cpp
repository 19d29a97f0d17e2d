// tune_vector(): one method's vector at the setting that a study would choose.
#include <fmt/format.h>

#include <cmath>

#include "study/before_work.h"
#include "study/environment.h"
#include "study/run_files.h"
#include "study/study_inputs.h"
#include "study/task_records.h"
#include "study/tune.h"
#include "study/winners.h"
#include "tiller/error.h"

namespace tiller {

using namespace study;

TunedVector tune_vector(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host) {
    const StudyInputs inputs(plan, host);
    if (plan.methods.empty() || plan.models.empty() || inputs.tasks().empty())
        throw Error(Code::usage, "a vector is tuned for one model, task and method, and the plan lacks one");
    const Method& method = find_method(plan.methods.front());
    make_folder(folder);
    Journal journal(folder);
    claim_folder(plan, folder);
    Engine engine(inputs.load_model(0), host.engine);
    engine.cancel_with(host.cancel);
    TaskContext c = inputs.context(0, 0, plan.seeds.front(), engine, journal, folder);
    say_memory(plan, engine, inputs.tasks(), c.form, host);
    if (host.check) check_model(engine, folder, inputs.model_name(0), host);
    train_scorer(c);
    const TunedMethods all = tune_methods(c, {method.name()});
    const TunedMethod& tuned = all.methods.front();

    TunedVector out;
    out.vector = tuned.chosen_vector;
    out.setting = tuned.chosen.setting;
    out.vector.scale = method.strength(out.setting);
    out.n_setting = static_cast<int>(tuned.grid.size());
    out.n_valid = static_cast<int>(c.valid.size());
    out.primary = c.primary;
    const BySetting records = by_setting(journal.units(), all.valid_units);
    for (const auto& tried : tuned.grid) {
        if (tried.setting != out.setting) continue;
        const Scores scores(records, plan.n_bootstrap, c.seed);
        out.score = scores.mean(tried.id, c.primary);
        const double collapsed = scores.mean(tried.id, "collapsed").mean;
        if (!std::isnan(collapsed)) out.collapsed = collapsed;
    }
    mark_score(out.vector, "tuned", out.primary, out.score, out.n_valid);
    auto& settings = out.vector.provenance.settings;
    settings["tuned.setting"] = setting_label(out.setting);
    settings["tuned.n_setting"] = std::to_string(out.n_setting);
    if (out.collapsed >= 0) settings["tuned.collapsed"] = fmt::format("{}", out.collapsed);
    return out;
}

}  // namespace tiller
