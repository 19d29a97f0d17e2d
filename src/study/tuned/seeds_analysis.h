// What several seeds of a task say together.
#pragma once

#include <vector>

#include "study/by_setting.h"
#include "tiller/study.h"

namespace tiller::study {

/// Tables over the seeds of each model and task: baselines and chosen settings, and the chosen settings
/// against each other. Empty when the plan has one seed. `records` are those of Summary::tasks, in their
/// order.
std::vector<AnalysisSummary> seeds_analysis(const Plan& plan, const std::vector<TaskRecords>& records,
                                            const Summary& summary);

}  // namespace tiller::study
