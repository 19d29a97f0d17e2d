// The protocol "transfer" (docs/comparisons.md): vectors are extracted ("taken") in one form and applied in
// other forms, together with other vectors, with demonstrations, and on other quantisations of the same
// model.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "protocols/transfer/transfer_records.h"
#include "study/protocol.h"

namespace tiller::study {

/// Names of the forms in which vectors are applied: TransferPlan::forms, then TransferPlan::places.
std::vector<std::string> transfer_places(const Plan& plan);

// Ids of settings. `place` and `from` are names of forms: where a vector is applied, and where it was taken.
inline std::string unsteered_in(const std::string& place) { return "unsteered " + place; }
inline std::string steered_in(const std::string& method, const std::string& from, const std::string& place) {
    return fmt::format("{} {}>{}", method, from, place);
}
inline std::string both_of(const std::string& a, const std::string& b) { return a + " + " + b; }
inline std::string multiple_of(const std::string& method, double factor) {
    return fmt::format("{} x {}", method, factor);
}
/// `who` is "unsteered" or a method.
inline std::string with_shots(const std::string& who, int n_shot) {
    return fmt::format("{}, {}-shot", who, n_shot);
}

/// Key in TaskClosing::vector_files of a method's vector in the first form, at its chosen setting.
inline std::string chosen_file(const std::string& method) { return method + ", chosen"; }

/// A model's name in tables: its file name without extension, or `model` where another model of the plan has
/// the same file name.
std::string model_title(const Plan& plan, const std::string& model);

/// Tables "quantisation", "quantisation-accuracy" and "quantisation-kept": vectors of one model applied to
/// the others, over all tasks and seeds. Empty when no model of the run took a vector of another.
std::vector<AnalysisSummary> analyse_models(const Plan& plan, const std::vector<TaskRecords>& records);

class Transfer final : public Protocol {
public:
    Transfer();
    Plan plan() const override;
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    void check_task(const Plan& plan, const Task& task) const override;
    void run(TaskContext& context) const override;
    /// The second run applies the vectors that the plan's other models left in the run folder.
    bool has_second_run(const Units& units, const ClosedTask& own,
                        const std::vector<ClosedTask>& closings) const override;
    void second_run(TaskContext& context, const ClosedTask& own,
                    const std::vector<ClosedTask>& closings) const override;
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override;
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                     Summary& summary) const override;
    /// Sentences, from the tables.
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
