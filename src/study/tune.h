// Tries the settings of methods on one task and chooses one for each method.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// A method's vectors and settings on one task.
struct TunedMethod {
    SteeringVector base;                       ///< Extracted with the plan's counts.
    std::map<std::string, std::string> files;  ///< Name for reports -> file, relative to the run folder.
    std::vector<Candidate> grid;               ///< Every setting that was tried, in that order.
    Candidate paper, chosen;                   ///< At the paper's setting, and at the chosen one.
    SteeringVector chosen_vector;              ///< Of `chosen`; its scale may differ from the strength.
};

/// What tune_methods() found.
struct TunedMethods {
    std::vector<TunedMethod> methods;       ///< In the order of the names asked for.
    std::vector<std::string> valid_units;   ///< Names of the units with the settings' validation records.
    std::vector<std::string> oracle_units;  ///< The same on the test items; empty unless TuningPlan::oracle.
};

/// Extracts the methods' vectors, tries their settings on the validation items and chooses one for each
/// (choose()). With a budget in the plan (FamilyPlan::n_setting), every method tries that many settings, or
/// all that it has when these are fewer; without, those of its own grid. `names` are contestants
/// (contestant()).
TunedMethods tune_methods(TaskContext& context, const std::vector<std::string>& names);

/// The method's vector at a setting, ready to use: its scale is the setting's strength. The setting must be
/// one that tune_methods() may try on this task or, when the context is at a draw, one of offered_settings().
/// The extractions are read from the run folder, or made.
SteeringVector vector_at(TaskContext& context, const Method& method, const Setting& setting);

/// Runs settings on the validation items (Phase::valid) or on the test items (Phase::oracle) and returns
/// their records. For behavioural tasks, `settings` may be those of several methods: they are cut into units
/// that fill the engine's rows. For others, all of them are one unit and may share forks. Pass one method's
/// settings then, so that its numbers do not depend on the plan's other methods. `name` is part of the units'
/// names and the progress; the units' names are appended to `units`.
std::vector<ItemRecord> try_settings(TaskContext& context, const std::string& name,
                                     std::span<const Candidate> settings, Phase phase,
                                     std::vector<std::string>& units);

/// try_settings() on the validation items.
std::vector<ItemRecord> tune(TaskContext& context, const std::string& name,
                             const std::vector<Candidate>& grid, std::vector<std::string>& units);

}  // namespace tiller::study
