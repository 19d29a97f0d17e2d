// The protocol "dose" (docs/comparisons.md): finds for each method the strength at which it moves the
// next-token distribution by a given KL divergence (the dose), and compares methods at equal doses.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocols/dose/dose_records.h"
#include "study/phrases.h"
#include "study/protocol.h"

namespace tiller::study {

/// A strength and the dose it gives, in nats. The dose is infinite where a row broke
/// (RowResult::broken).
struct DosePoint {
    double strength = 0, dose = 0;
};
/// What the search for a target found.
struct DoseFit {
    double target = 0;
    DoseOutcome outcome = DoseOutcome::saturates;
    /// Within tolerance of the target when reached; else the measured point with the nearest finite dose.
    DosePoint point;
};
struct DoseSearch {
    std::vector<DosePoint> points;  ///< All that were measured, in the order of measuring.
    std::vector<DoseFit> fits;      ///< One for each target, in the order of the targets.
};
struct DoseRange {
    double first = 0.125, most = 256;  ///< The first strength tried, and the largest; both above 0.
    int n_bisection = 12;              ///< Bisections at most, for each target.
    double tolerance = 0.05;           ///< Largest distance from a target that was reached, as a share of it.
};
/// Measures the doses of several strengths at once; returns one dose per strength, in their order.
using MeasureDoses = std::function<std::vector<double>(std::span<const double>)>;
/// Finds the lowest strength that gives each target. `targets` are rising and above 0; at least one. Doubles
/// the strength from range.first until the highest target is passed, a row breaks or range.most is reached.
/// Then bisects, for each target, between the two strengths at which it is first passed: at their geometric
/// mean, or at half the strength where the lower one is 0. Pure except for `measure`.
DoseSearch find_doses(std::span<const double> targets, const DoseRange& range, const MeasureDoses& measure);

/// A task's settings at one dose.
struct DoseContest {
    double target = 0;
    Settings within;  ///< Within the limits of damage and collapse.
    Settings beyond;  ///< With more damage or collapse.
};
/// The doses at which methods are compared. Holds pointers into the task.
struct DoseContests {
    /// The largest dose at which at least two methods keep within the limits of damage and collapse, else the
    /// largest at which one does. None when no setting keeps within them.
    std::optional<DoseContest> limited;
    /// The largest dose that two methods reach (else one), whatever the damage. All its settings are in
    /// `within`. None where it would repeat `limited`: the same dose, with nothing in limited->beyond.
    std::optional<DoseContest> largest;
};
DoseContests dose_contests(const Plan& plan, const TaskSummary& task);

/// "1 nat", "0.5 nats".
std::string nats_text(double dose);
/// Id of a method's setting at a dose: "fv dose=0.5". For the method's control, pass random_id(method).
std::string dose_id(const std::string& method, double target);
/// The task on which damage is measured for `task`: the first of DosePlan::unrelated that is another one,
/// named as in the plan. "" when there is none.
std::string unrelated_name(const Plan& plan, const std::string& task);

class Dose final : public Protocol {
public:
    Dose();
    Plan plan() const override;
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    std::vector<std::string> further_tasks(const Plan& plan) const override { return plan.dose.unrelated; }
    void run(TaskContext& context) const override;
    /// Adds the tables "frontier", "response" and "slopes", and each setting's damage. Replaces the task's
    /// pairs by those that the verdict speaks of.
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override;
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
