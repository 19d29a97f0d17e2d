// What stands beside the scores of a tuned study: the same outputs under every score, numbers that were known
// before the test, and what each method costs (docs/comparisons.md). Tables over tasks are made from the
// tables of the tasks.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/by_setting.h"
#include "study/summary_parts.h"
#include "study/task_run.h"
#include "tiller/summary.h"

namespace tiller::study {

/// What the closing record keeps of a method ("evidence"): texts and tokens of the extraction, bytes of the
/// vector as it is applied, predictors, the scores of heads where they are no AIE. `base` is the vector of
/// the plan's own counts, `applied` that of the chosen setting. Reads the base through the output head (one
/// unit of work).
nlohmann::json method_evidence(TaskContext& context, const Method& method, const SteeringVector& base,
                               const SteeringVector& applied);

/// Id of the few-shot prompt in a task's main table.
std::string few_shot_id(const Plan& plan, bool behavioural);
/// "scorers" and, where a few-shot prompt gets items right, "scorers_filtered": chosen settings under every
/// score that the task's records have. Empty without a chosen setting.
std::vector<AnalysisSummary> scorer_tables(const Plan& plan, const TaskRecords& records,
                                           const TaskSummary& task);
/// "scorer_flips": how often an order of two methods changes, by score. Empty without comparisons.
std::optional<AnalysisSummary> scorer_flips(const Summary& summary);

/// "answers": the method to take for each task, its setting, how sure, at what damage and cost; all seeds of
/// a task together. Reads the tasks' "cost". Empty without a chosen setting.
std::optional<AnalysisSummary> answers_table(const Plan& plan, const std::vector<TaskRecords>& records,
                                             const Summary& summary);

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

}  // namespace tiller::study
