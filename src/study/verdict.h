// Sentences computed from the numbers.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

/// Which method is better on this task, by how much, how sure, and whether the effect is above the random
/// control; warns of settings with more collapsed outputs than the limit.
std::string verdict(const TaskSummary& task, double collapse_limit);

/// One sentence per task family: what the chosen settings reach beside the baselines.
std::vector<std::string> findings(const Summary& summary);

}  // namespace tiller::study
