// Equal doses (docs/comparisons.md): how far steering moves the next-token distribution, and the strength
// that moves it as far as wanted.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "statistics/shift.h"
#include "study/protocol.h"
#include "study/summary_parts.h"

namespace tiller::study {

/// Adds "entropy" and, but for "zero-shot" itself, "kl" to the records of candidates that want them
/// (Candidate::want_dose): one record and one result for each item and candidate, in that order. null where a
/// row broke. Throws usage when there is no candidate "zero-shot".
void add_doses(std::span<const Candidate> candidates, const std::vector<RowResult>& results,
               std::vector<nlohmann::json>& records);

/// A strength and the dose it gives; the dose is infinite where a row broke.
struct DosePoint {
    double strength = 0, dose = 0;
};
/// What the search for a target found.
struct DoseFit {
    double target = 0;
    /// "reached"; "saturates": no strength tried gives as much; "jumps": the dose passes the target between
    /// two strengths that the bisection could not tell apart.
    std::string outcome;
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

/// Slope of the least-squares line of y over x. Throws usage when the lengths differ, there are fewer than
/// two points, or all x are equal.
double least_squares_slope(std::span<const double> x, std::span<const double> y);

/// A task's settings at one dose.
struct DoseContest {
    double target = 0;
    std::vector<const SettingSummary*> within;  ///< Within the limits of damage and collapse.
    std::vector<const SettingSummary*> beyond;  ///< With more damage or collapse.
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

/// Protocol::analyse(), verdict(), findings() and notes() of equal doses.
void analyse_doses(const Plan& plan, const TaskRecords& records, TaskSummary& task);
std::string dose_verdict(const Plan& plan, const TaskSummary& task);
std::vector<std::string> dose_findings(const Plan& plan, const Summary& summary);
std::vector<std::string> dose_notes(const Plan& plan);

/// What is impossible about a plan's [dose] table, and what else does not go with this protocol.
std::optional<Fault> dose_fault(const Plan& plan);
/// The name of the task by which a task's damage is measured, as the plan has it; "" when none is left.
std::string unrelated_name(const Plan& plan, const std::string& task);

}  // namespace tiller::study
