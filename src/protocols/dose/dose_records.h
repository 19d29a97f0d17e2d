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
    saturates,  ///< No strength tried gives a dose as large as the target.
    jumps,      ///< The dose passes the target between two strengths that the bisection could not tell apart.
};
const char* outcome_name(DoseOutcome outcome) noexcept;

/// A strength that was tried (with `items` and `kl`), or what the search found for a target (with `target`
/// and `outcome`).
struct DoseRecord {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string setting;  ///< "fv", or "fv-random" for its control.
    double strength = 0;
    double dose = 0;                             ///< Nats; infinite where a row broke, NaN once read back.
    std::optional<std::vector<int>> items = {};  ///< Item::id of each item measured.
    std::optional<std::vector<double>> kl = {};  ///< By item, in nats; broken rows as in `dose`.
    std::optional<double> target = {};
    std::optional<DoseOutcome> outcome = {};
};

/// A method at a target.
struct DoseEntry {
    std::string method;
    bool control = false;
    double target = 0;
    DoseOutcome outcome = DoseOutcome::reached;
    double strength = 0, dose = 0;
    std::string setting;  ///< Id of the setting at this dose. The task has this setting only when reached.

    bool reached() const { return outcome == DoseOutcome::reached; }
};

/// What the closing record of a task has besides the fields of all protocols.
struct DoseClosing {
    std::vector<DoseEntry> doses;
    std::string unrelated;  ///< The task on which damage is measured.
    std::vector<std::string> dose_units, damage_units;
};

}  // namespace tiller::study
