// Sentences computed from the numbers.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

/// Which method is better on this task, by how much, how sure (Holm-adjusted), and whether the effects are
/// above their random controls. A setting with more collapsed outputs than the limit is named and does not
/// count.
std::string verdict(const TaskSummary& task, double collapse_limit);

/// One sentence per task family: what the chosen settings reach beside the baselines.
std::vector<std::string> findings(const Summary& summary, double collapse_limit);

}  // namespace tiller::study
