// Methods on one task: their vectors, the settings they try, and those that are chosen.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

struct TunedMethod {
    SteeringVector base;                       ///< Extracted with the plan's own counts.
    std::map<std::string, std::string> files;  ///< Name for the report -> file in the run folder.
    std::vector<Candidate> grid;               ///< Every setting that was tried.
    Candidate paper, chosen;
    SteeringVector chosen_vector;
};

/// Methods in the order asked for.
struct TunedMethods {
    std::vector<TunedMethod> methods;
    std::vector<std::string> valid_units;
    std::vector<std::string> oracle_units;  ///< The grids on the test items; empty unless the plan wants it.
};

/// Extracts the methods' vectors, tries their settings on the validation items and chooses. With a budget in
/// the plan every method tries the same number of settings, else those of its own grid.
TunedMethods tune_methods(TaskContext& context, const std::vector<std::string>& names);

/// The method's vector at one of the settings that tune_methods() tries on this task, ready to use: its scale
/// is the setting's strength. From the run folder's extractions, or extracted.
SteeringVector vector_at(TaskContext& context, const Method& method, const Setting& setting);

/// Records of settings on the validation items, or on the test items for the oracle. Settings of several
/// methods fill the engine's rows together where texts are generated; a prompt's settings of one method are
/// one fork otherwise, so that its numbers do not depend on the plan's other methods. `name` is that of the
/// units and the progress.
std::vector<ItemRecord> try_settings(TaskContext& context, const std::string& name,
                                     std::span<const Candidate> settings, Phase phase,
                                     std::vector<std::string>& units);

/// Validation points of the settings of one method, for choose(); `name` names the units and the progress.
std::vector<ItemRecord> tune(TaskContext& context, const std::string& name,
                             const std::vector<Candidate>& grid, std::vector<std::string>& units);

}  // namespace tiller::study
