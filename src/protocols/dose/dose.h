// Equal doses (docs/comparisons.md): how far steering moves the next-token distribution, and the strength
// that moves it as far as wanted.
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

/// A strength and the dose it gives; the dose is infinite where a row broke.
struct DosePoint {
    double strength = 0, dose = 0;
};
/// What the search for a target found.
struct DoseFit {
    double target = 0;
    DoseOutcome outcome = DoseOutcome::saturates;
    DosePoint point;  ///< Within tolerance of the target when reached, else the nearest that is finite.
};
struct DoseSearch {
    std::vector<DosePoint> points;  ///< All that were measured, in that order.
    std::vector<DoseFit> fits;      ///< One for each target.
};
struct DoseRange {
    double first = 0.125, most = 256;  ///< The ladder: the first strength, doubled until `most`.
    int n_bisection = 12;
    double tolerance = 0.05;
};
/// Doses of strengths, measured together.
using MeasureDoses = std::function<std::vector<double>(std::span<const double>)>;
/// Finds the lowest strength that gives each target (rising, above 0): doubles the strength until the highest
/// target is passed, then bisects between the two rungs at which a target is first passed (geometrically;
/// below the first rung by halves). Pure but for `measure`.
DoseSearch find_doses(std::span<const double> targets, const DoseRange& range, const MeasureDoses& measure);

/// A task's settings at one dose.
struct DoseContest {
    double target = 0;
    Settings within;  ///< Within the limits of damage and collapse.
    Settings beyond;  ///< With more damage or collapse.
};
/// The doses at which methods are compared. Pointers into the task.
struct DoseContests {
    /// The largest dose at which two methods or more keep within the limits, else the largest at which one
    /// does; none when no setting keeps them.
    std::optional<DoseContest> limited;
    /// The same whatever the damage; its settings are all in `within`. None where that is the dose of
    /// `limited` and all its settings keep the limits.
    std::optional<DoseContest> largest;
};
DoseContests dose_contests(const Plan& plan, const TaskSummary& task);

/// "1 nat", "0.5 nats".
std::string nats_text(double dose);
/// Id of a method's setting at a dose; of its control with random_id() in the method's place.
std::string dose_id(const std::string& method, double target);
/// The name of the task by which a task's damage is measured, as the plan has it; "" when none is left.
std::string unrelated_name(const Plan& plan, const std::string& task);

class Dose final : public Protocol {
public:
    Dose();
    Plan plan() const override;
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    std::vector<std::string> further_tasks(const Plan& plan) const override { return plan.dose.unrelated; }
    void run(TaskContext& context) const override;
    /// Tables "frontier", "response" and "slopes"; the task's pairs are those of the verdict.
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override;
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
