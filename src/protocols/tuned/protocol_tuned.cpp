#include <fmt/format.h>

#include <optional>
#include <utility>

#include "protocols/tuned/evidence.h"
#include "protocols/tuned/tuned.h"
#include "scoring/metrics.h"
#include "study/choose.h"
#include "study/toml_fields.h"
#include "tasks/split_shares.h"

namespace tiller::study {
namespace {

void keep(std::optional<AnalysisSummary> analysis, std::vector<AnalysisSummary>& list) {
    if (analysis) list.push_back(std::move(*analysis));
}

void keep(std::vector<AnalysisSummary> analyses, std::vector<AnalysisSummary>& list) {
    for (auto& analysis : analyses) list.push_back(std::move(analysis));
}

}  // namespace

Tuned::Tuned()
    : Protocol({.name = "tuned",
                .summary = "settings chosen on some items and judged on others, against random controls",
                .question = "Which steering method works for which task on this model, at which setting, at "
                            "what cost in fluency, and how sure is that?",
                .table = "tuning",
                .has_instructions = true,
                .takes_chat = true,
                .takes_vectors = true,
                .leaves_winners = true,
                .has_conditions = false}) {}

Plan Tuned::plan() const {
    Plan plan = Protocol::plan();
    plan.tasks = {"present-past", "capitalize", "country-capital", "sentiment_transfer", "detoxification"};
    plan.n_test = 100, plan.n_valid = 60;
    plan.tuning.n_fold = 5;
    plan.tuning.n_setting = 24;
    plan.tuning.n_setting_behavioural = 6;
    // Five draws extract five times, so each extraction reads fewer prompts than the paper's.
    plan.functional = {25, 15, 10, 100};
    plan.behavioural = {20, 10, 4, 100};
    return plan;
}

Policy Tuned::policy(const Plan&) const {
    Policy policy;
    policy.second_judge = true;
    return policy;
}

std::string Tuned::primary(const Plan& plan, bool behavioural) const {
    return behavioural ? primary_metric(true) : plan.tuning.choose_by;
}

void Tuned::check(const Plan& plan, PlanFaults& faults) const {
    const TuningPlan& t = plan.tuning;
    const Metric* metric = find_metric(t.choose_by);
    faults.refuse_if(
        t.choose_by != primary_metric(false) && !(metric && metric->scale == Scale::hit && metric->of_answer),
        "tuning.choose_by",
        fmt::format("is \"{}\", expected first_token, first_word, exact or contains", t.choose_by));
    if (!t.split.empty()) {
        const std::string fault = fault_of_shares(t.split);
        faults.refuse_if(!fault.empty(), "tuning.split", fault);
        faults.refuse_if(
            t.n_fold > 1, "tuning.split",
            fmt::format("is given together with tuning.n_fold = {}: with folds every item is tested in "
                        "turn; set n_fold = 1, or leave the split out",
                        t.n_fold));
    }
    faults.refuse_if(t.n_fold > 1 && plan.n_test < t.n_fold, "n_test",
                     fmt::format("is {}, expected at least one item for each of tuning.n_fold = {}",
                                 plan.n_test, t.n_fold));
}

void Tuned::check_task(const Plan& plan, const Task& task) const {
    if (plan.tuning.n_fold > 1) fold_task(task, plan.seeds.front(), plan.tuning.n_fold);
}

void Tuned::table_fields(Fields& f, Plan& plan) const {
    f("n_fold", plan.tuning.n_fold), f.optional("split", plan.tuning.split);
    f("choose_by", plan.tuning.choose_by), f("n_setting", plan.tuning.n_setting);
    f("n_setting_behavioural", plan.tuning.n_setting_behavioural), f("oracle", plan.tuning.oracle);
}

void Tuned::analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const {
    keep(selection_table(plan, records, task), task.analyses);
    keep(scorer_tables(plan, records, task), task.analyses);
    keep(predictor_table(records, task), task.analyses);
    keep(head_table(records, task), task.analyses);
    keep(cost_table(plan, records, task), task.analyses);
}

void Tuned::analyse_run(const Plan& plan, const std::vector<TaskRecords>& records, Summary& summary) const {
    keep(answers_table(records, summary), summary.analyses);
    keep(seed_tables(records, summary), summary.analyses);
    keep(scorer_flips(summary), summary.analyses);
    keep(predictor_correlation(plan, summary), summary.analyses);
    keep(cost_over_tasks(summary), summary.analyses);
}

std::vector<std::string> Tuned::notes(const Plan& plan) const {
    auto notes = choice_rules(plan);
    const bool has_draws = plan.tuning.n_fold > 1;
    notes.push_back(fmt::format(
        "A method works when it is above zero-shot and above each of its controls: random directions, "
        "another one for each item, that move the model equally far{}. One is better than "
        "another, or above a control, when a paired test says so at 5 %: McNemar's exact test for hits, a "
        "permutation test for other scores, and, where the draws differ by more than their items leave open, "
        "Student's t over draws as well. Tests are adjusted by Holm's method within a task and question.",
        has_draws ? ", and, for FV, the vector of shuffled labels" : ""));
    if (has_draws)
        notes.push_back(fmt::format(
            "Draws: the items are cut into {} parts. Each part is tested by vectors that were extracted anew "
            "from the others, at the settings that did best over the other parts. The vectors left in the "
            "run folder are those of the first draw.",
            plan.tuning.n_fold));
    else if (!plan.tuning.split.empty())
        notes.push_back(fmt::format(
            "Splits: {} % train (vectors, demonstrations, style scorer), {} % validation (choice of "
            "settings), {} % test (everything shown).",
            plan.tuning.split[0], plan.tuning.split[1], plan.tuning.split[2]));
    else
        notes.emplace_back(
            "Splits: 70 % train (vectors, demonstrations, style scorer), 9 % validation (choice of "
            "settings), "
            "21 % test (everything shown).");
    notes.emplace_back(
        "A text is broken when it counts as collapsed, or when its perplexity under the unsteered model lies "
        "far above that of the zero-shot outputs (docs/scores.md). The second judge of style is the "
        "unsteered model: how much likelier a text is after sentences of the wanted style than after the "
        "others.");
    return notes;
}

const Protocol& protocol_tuned() {
    static const Tuned protocol;
    return protocol;
}

}  // namespace tiller::study
