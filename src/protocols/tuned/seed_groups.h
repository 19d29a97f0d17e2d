// The seeds of a task, and means and intervals over them.
#pragma once

#include <string>
#include <vector>

#include "study/task_records.h"

namespace tiller::study {

/// One model and task with all its seeds.
struct SeedFamily {
    std::string title;                ///< "task", or "model, task" where the run has several models.
    std::vector<std::size_t> places;  ///< Indices into Summary::tasks, one per seed.
};
/// All models and tasks of a run, in the order of their first entries in Summary::tasks.
std::vector<SeedFamily> seed_families(const Summary& summary);

/// Values by item, one map for each seed.
using SeedGroups = std::vector<ByItem>;

/// Values of a setting, or of its paired difference to another, over the items of each seed; seeds without
/// them are left out. `records` are those of Summary::tasks, in their order.
SeedGroups seed_groups(const SeedFamily& family, const std::vector<TaskRecords>& records,
                       const std::string& metric, const std::string& id, const std::string& other = "");

/// Mean over seeds with its interval and test (repeated_mean()). NaN throughout where no seed has values.
Estimate over_seeds(const SeedGroups& groups, const std::string& metric, bool is_difference);

}  // namespace tiller::study
