#include <optional>
#include <utility>

#include "study/choose.h"
#include "study/toml_fields.h"
#include "study/tuned/evidence.h"
#include "study/tuned/tuned.h"

namespace tiller::study {
namespace {

void keep(std::optional<AnalysisSummary> analysis, std::vector<AnalysisSummary>& list) {
    if (analysis) list.push_back(std::move(*analysis));
}

void keep(std::vector<AnalysisSummary> analyses, std::vector<AnalysisSummary>& list) {
    for (auto& analysis : analyses) list.push_back(std::move(analysis));
}

}  // namespace

void Tuned::table_fields(Fields& f, Plan& plan) const {
    f.field("n_setting", plan.tuning.n_setting);
    f.field("n_setting_behavioural", plan.tuning.n_setting_behavioural);
    f.field("oracle", plan.tuning.oracle);
}

void Tuned::analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const {
    keep(selection_table(plan, records, task), task.analyses);
    keep(scorer_tables(plan, records, task), task.analyses);
    keep(predictor_table(records, task), task.analyses);
    keep(head_table(records, task), task.analyses);
    keep(cost_table(plan, records, task), task.analyses);
}

void Tuned::analyse_run(const Plan& plan, const std::vector<TaskRecords>& records, Summary& summary) const {
    keep(answers_table(plan, records, summary), summary.analyses);
    keep(seed_tables(plan, records, summary), summary.analyses);
    keep(scorer_flips(summary), summary.analyses);
    keep(predictor_correlation(plan, summary), summary.analyses);
    keep(cost_over_tasks(summary), summary.analyses);
}

std::vector<std::string> Tuned::notes(const Plan& plan) const {
    auto notes = choice_rules(plan);
    notes.push_back(
        "A method is called better when McNemar's exact test (shares) or a permutation test (style) says so "
        "at 5 %, adjusted by Holm's method for all pairs of methods of this run.");
    notes.push_back(
        "Splits: 70 % train (vectors, demonstrations, style scorer), 9 % validation (choice of settings), 21 "
        "% test (everything shown).");
    return notes;
}

const Protocol& protocol_tuned() {
    static const Tuned protocol;
    return protocol;
}

}  // namespace tiller::study
