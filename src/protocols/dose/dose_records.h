// What the protocol of equal doses adds to the records of a run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/records.h"

namespace tiller::study {

/// How the search for a dose ended.
enum class DoseOutcome {
    reached,
    saturates,  ///< No strength tried gives as much.
    jumps,      ///< The dose passes the target between two strengths that the bisection could not tell apart.
};
const char* outcome_name(DoseOutcome outcome) noexcept;

/// A strength that was tried, or (with a target) what the search for it found.
struct DoseRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string setting;  ///< "fv", or "fv-random" for its control.
    double strength = 0;
    double dose = 0;                             ///< NaN where a row broke.
    std::optional<std::vector<int>> items = {};  ///< Item::id, of a trial.
    std::optional<std::vector<double>> kl = {};  ///< By item; NaN where the row broke.
    std::optional<double> target = {};           ///< Of a result.
    std::optional<DoseOutcome> outcome = {};     ///< Of a result.
};

/// A method at a target.
struct DoseEntry {
    std::string method;
    bool control = false;
    double target = 0;
    DoseOutcome outcome = DoseOutcome::reached;
    double strength = 0, dose = 0;
    std::string setting;  ///< Id of the setting at this dose; among the task's only when reached.

    bool reached() const { return outcome == DoseOutcome::reached; }
};

struct DoseClosing {
    std::vector<DoseEntry> doses;
    std::string unrelated;  ///< The task by which damage is measured.
    std::vector<std::string> dose_units, damage_units;
};

}  // namespace tiller::study
