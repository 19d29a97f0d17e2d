// What stands beside the scores of a tuned study: the same outputs under every score, numbers that were known
// before the test, and what each method costs (docs/comparisons.md). Tables over tasks are made from the
// tables of the tasks.
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

/// Prompts that take no vector: zero-shot, an instruction, a one-word cue, demonstrations.
std::vector<Candidate> baselines(const TaskContext& context);

/// The tuned protocol on a task whose items are tested in turn (TuningPlan::n_fold).
void run_draws(TaskContext& context);

/// `base` is the vector of the plan's own counts, `applied` that of the chosen setting. Reads the base
/// through the output head (one unit of work).
Evidence method_evidence(TaskContext& context, const Method& method, const SteeringVector& base,
                         const SteeringVector& applied);

/// A table when it has rows.
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

/// "selection": default, chosen and best setting of each method on the test items, with what lies between
/// them; empty unless the task's oracle units are there.
std::optional<AnalysisSummary> selection_table(const Plan& plan, const TaskRecords& records,
                                               const TaskSummary& task);

/// "predictors" of a task.
std::optional<AnalysisSummary> predictor_table(const TaskRecords& records, const TaskSummary& task);
/// "predictor_correlation": rank correlations with the outcome over the tasks of a model and family. Seeds of
/// a task are averaged. Empty where no predictor has four tasks.
std::optional<AnalysisSummary> predictor_correlation(const Plan& plan, const Summary& summary);

/// "heads" of a task: the heads that other scores than AIE put first, beside those of the highest AIE. Empty
/// where no method of the plan has such a score.
std::optional<AnalysisSummary> head_table(const TaskRecords& records, const TaskSummary& task);

/// "cost" of a task.
std::optional<AnalysisSummary> cost_table(const Plan& plan, const TaskRecords& records,
                                          const TaskSummary& task);
/// "cost" over tasks: means.
std::optional<AnalysisSummary> cost_over_tasks(const Summary& summary);
/// The first number of queries at which `extraction` tokens once are fewer than `extra` tokens per query.
/// NaN when a query has no extra tokens.
double break_even(double extraction, double extra);

/// "seeds" and "seed-pairs": baselines and chosen settings over the seeds of each model and task, and the
/// chosen settings against each other. Empty when the plan has one seed. `records` are those of
/// Summary::tasks, in their order.
std::vector<AnalysisSummary> seed_tables(const std::vector<TaskRecords>& records, const Summary& summary);

}  // namespace tiller::study
