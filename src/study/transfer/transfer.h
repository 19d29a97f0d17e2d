// The protocol "transfer": vectors taken in one form and applied in others, with other vectors, beside
// demonstrations, and on the same model in another quantisation (docs/comparisons.md).
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "study/protocol.h"

namespace tiller::study {

/// What is impossible about a plan's [transfer] table, and what else does not go with this protocol.
std::optional<Fault> transfer_fault(const Plan& plan);

/// Forms in which vectors are applied: TransferPlan::forms, then ::places.
std::vector<std::string> transfer_places(const Plan& plan);

// Ids of settings.
inline std::string unsteered_in(const std::string& place) { return "unsteered " + place; }
inline std::string steered_in(const std::string& method, const std::string& from, const std::string& place) {
    return fmt::format("{} {}>{}", method, from, place);
}
/// The random control of a method has its own name and its vector's form.
inline std::string random_of(const std::string& method) { return method + "-random"; }
inline std::string both_of(const std::string& a, const std::string& b) { return a + " + " + b; }
inline std::string multiple_of(const std::string& method, double factor) {
    return fmt::format("{} x {}", method, factor);
}
/// `who` is "unsteered" or a method.
inline std::string with_shots(const std::string& who, int n_shot) {
    return fmt::format("{}, {}-shot", who, n_shot);
}

/// Name of a method's vector in the first form at its chosen setting, in "vector_files" of closing records.
inline std::string chosen_file(const std::string& method) { return method + ", chosen"; }

/// A metric of several settings on the items that all of them have: [setting][item].
std::vector<std::vector<double>> aligned(const BySetting& records, const std::vector<std::string>& ids,
                                         const std::string& metric);

/// What tables call a model: its file's name alone where that tells the plan's models apart.
std::string model_title(const Plan& plan, const std::string& model);

/// Protocol::has_second_run() and second_run(): vectors of the other models.
bool has_crossed_models(const Units& units, const nlohmann::json& own,
                        const std::vector<const nlohmann::json*>& closings);
void cross_models(TaskContext& context, const nlohmann::json& own,
                  const std::vector<const nlohmann::json*>& closings);
/// Tables of them; none when no two models of the run fit together.
std::vector<AnalysisSummary> analyse_models(const Plan& plan, const std::vector<TaskRecords>& records);

/// Tables of one task.
void analyse_transfer(const Plan& plan, const TaskRecords& records, TaskSummary& summary);
/// Tables over the tasks of a run.
void analyse_transfer_run(const Plan& plan, const std::vector<TaskRecords>& records, Summary& summary);
/// Sentences, from the tables.
std::string transfer_verdict(const TaskSummary& task);
std::vector<std::string> transfer_findings(const Plan& plan, const Summary& summary);

}  // namespace tiller::study
