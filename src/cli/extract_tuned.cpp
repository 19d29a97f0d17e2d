// tiller extract METHOD --tuned: as a comparison would choose the setting.
#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "cli/extract.h"
#include "cli/run_folder.h"
#include "cli/task_option.h"
#include "core/paths.h"
#include "core/util.h"
#include "report/numbers.h"
#include "study/tune.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

Plan plan_of(const Method& method, const ExtractOptions& o, const Globals& globals) {
    Plan plan;
    plan.models = {o.model};
    plan.tasks = {o.task};
    plan.tasks.insert(plan.tasks.end(), o.beside.begin(), o.beside.end());
    plan.methods = {method.name()};
    plan.seeds = {globals.seed};
    plan.data_dir = o.data_dir;
    plan.family = o.family;
    plan.chat = o.chat.chat, plan.chat_template = o.chat.template_file;
    plan.n_valid = o.n_valid;
    for (ExtractionPlan* extraction : {&plan.functional, &plan.behavioural}) {
        if (o.n_mean > 0) extraction->n_mean = o.n_mean;
        if (o.n_patch > 0) extraction->n_patch = o.n_patch;
        if (o.n_shot > 0) extraction->n_shot = o.n_shot;
        if (o.n_pairs > 0) extraction->n_pairs = o.n_pairs;
    }
    check_plan(plan);
    return plan;
}

}  // namespace

SteeringVector extract_tuned(const Method& method, const ExtractOptions& o, const Globals& globals) {
    const Plan plan = plan_of(method, o, globals);
    if (is_task_file(o.task) && o.family.empty()) say_family(load_task(o.task), globals);
    ProgressSteps steps(globals.quiet);
    const StudyHost host = study_host(globals, steps, !o.no_check);
    const auto folder = cache_dir() / "tuned" / sha256(plan_toml(plan)).substr(0, 16);
    TunedVector tuned;
    try {
        tuned = tune_vector(plan, folder, host);
    } catch (const Error& e) {
        steps.clear();
        if (e.code() != Code::interrupted) throw;
        throw Error(
            Code::interrupted,
            "interrupted; what is finished is kept in the cache, the same command goes on from there");
    }
    steps.clear();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    std::string text =
        fmt::format("{}: {}, chosen from {} settings on {} validation items: {} {}", method.name(),
                    study::setting_label(tuned.setting), tuned.n_setting, tuned.n_valid,
                    report::metric_label(tuned.primary), report::format_interval(tuned.score));
    if (tuned.collapsed >= 0) text += fmt::format(", {:.0f} % of outputs collapsed", 100 * tuned.collapsed);
    note(globals, text);
    return tuned.vector;
}

}  // namespace tiller::cli
