// Tables of a tuned study besides the scores (docs/comparisons.md): the same outputs under every score,
// numbers known before the test, and what each method costs. Tables over tasks are computed from the tables
// of the tasks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/tuned/tuned_records.h"
#include "study/candidate.h"
#include "study/phrases.h"
#include "study/task_records.h"

namespace tiller::study {

struct TaskContext;

/// Unsteered prompts: zero-shot; a one-word cue and an instruction, where the context has one; few-shot.
std::vector<Candidate> baselines(const TaskContext& context);

/// Runs the tuned protocol on a task with folds (TuningPlan::n_fold above 1) and writes its closing record.
void run_draws(TaskContext& context);

/// What is known of a method besides its scores. `base` is the vector extracted with the plan's own counts,
/// `applied` the one at the chosen setting. Except on behavioural tasks, reads `base` through the output head
/// (one unit of work).
Evidence method_evidence(TaskContext& context, const Method& method, const SteeringVector& base,
                         const SteeringVector& applied);

/// The table; none when it has no rows.
std::optional<AnalysisSummary> filled(AnalysisSummary table);

/// "scorers" and, where a few-shot prompt gets items right, "scorers_filtered": chosen settings under every
/// score that the task's records have. Empty without a chosen setting.
std::vector<AnalysisSummary> scorer_tables(const Plan& plan, const TaskRecords& records,
                                           const TaskSummary& task);
/// "scorer_flips": how often an order of two methods changes, by score. Empty without comparisons.
std::optional<AnalysisSummary> scorer_flips(const Summary& summary);

/// "answers": the method to take for each task, its setting, how sure, at what damage and cost; all seeds of
/// a task together. Reads the tasks' "cost". Empty without a chosen setting.
std::optional<AnalysisSummary> answers_table(const std::vector<TaskRecords>& records, const Summary& summary);

/// "selection": default, chosen and best setting of each method on the test items, and the differences
/// between them. Empty under one split unless the plan had all settings run on the test items
/// (TuningPlan::oracle).
std::optional<AnalysisSummary> selection_table(const Plan& plan, const TaskRecords& records,
                                               const TaskSummary& task);

/// "predictors" of a task: numbers known before the test, and the outcome, by method. Empty without a chosen
/// setting or a predictor.
std::optional<AnalysisSummary> predictor_table(const TaskRecords& records, const TaskSummary& task);
/// "predictor_correlation": rank correlations with the outcome over the tasks of a model and family. Seeds of
/// a task are averaged. Empty where no predictor has four tasks.
std::optional<AnalysisSummary> predictor_correlation(const Plan& plan, const Summary& summary);

/// "heads" of a task: the heads that other scores than AIE rank first, compared with those of the highest
/// AIE. Empty where no method of the plan has such a score.
std::optional<AnalysisSummary> head_table(const TaskRecords& records, const TaskSummary& task);

/// "cost" of a task: what each method's extraction reads and what each prompt adds. Empty for records without
/// Evidence.
std::optional<AnalysisSummary> cost_table(const Plan& plan, const TaskRecords& records,
                                          const TaskSummary& task);
/// "cost" over tasks: means.
std::optional<AnalysisSummary> cost_over_tasks(const Summary& summary);
/// The smallest number of queries at which `extraction` tokens, read once, are fewer than `extra` tokens for
/// each query. NaN when `extra` is not above 0 or `extraction` is not finite.
double break_even(double extraction, double extra);

/// "seeds" and "seed-pairs": baselines and chosen settings over the seeds of each model and task, and the
/// chosen settings against each other. Empty when the plan has one seed. `records` are those of
/// Summary::tasks, in their order.
std::vector<AnalysisSummary> seed_tables(const std::vector<TaskRecords>& records, const Summary& summary);

}  // namespace tiller::study
