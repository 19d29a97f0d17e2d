// The rules by which a setting is chosen on the validation split.
#pragma once

#include <string>
#include <vector>

#include "study/candidate.h"
#include "tiller/study.h"

namespace tiller::study {

/// Index of the setting to use, by the choice rule, from validation records of every setting in `grid`.
std::size_t choose(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   bool behavioural, double collapse_limit);
/// The choice rule in one sentence each, for reports.
std::vector<std::string> choice_rules(const Plan& plan);

}  // namespace tiller::study
