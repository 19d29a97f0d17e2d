// The seeds of a task, and means and intervals over them.
#pragma once

#include <string>
#include <vector>

#include "study/task_records.h"

namespace tiller::study {

/// One model and task with all its seeds.
struct SeedFamily {
    std::string title;                ///< The task's name, after the model's where there are several.
    std::vector<std::size_t> places;  ///< In Summary::tasks, one per seed.
};
/// In the order of their first tasks.
std::vector<SeedFamily> seed_families(const Summary& summary);

/// Values by seed and item.
using SeedGroups = std::vector<ByItem>;

/// Values of a setting, or of its paired difference to another, over the items of each seed; seeds without
/// them are left out. `records` are those of Summary::tasks, in their order.
SeedGroups seed_groups(const SeedFamily& family, const std::vector<TaskRecords>& records,
                       const std::string& metric, const std::string& id, const std::string& other = "");

/// Mean over seeds with its interval and test (repeated_mean()). NaN throughout where no seed has values.
Estimate over_seeds(const SeedGroups& groups, const std::string& metric, bool is_difference);

}  // namespace tiller::study
