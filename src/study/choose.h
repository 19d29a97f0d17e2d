// The rules by which a setting is chosen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/candidate.h"
#include "tiller/study.h"

namespace tiller::study {

/// Index of the setting to use, from records of every setting in `grid` on items that will not be tested
/// under it. Among the settings within one standard error of the highest mean of `primary`, which may be
/// luck: for answers the highest mean log-probability, which so few items tell apart better; for texts the
/// lowest perplexity, the gentlest. Ties: the earlier point of the grid. Records that `counts` refuses are
/// left out.
std::size_t choose(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   const std::string& primary, const std::function<bool(const ItemRecord&)>& counts = {});
/// The rules in one sentence each, for reports.
std::vector<std::string> choice_rules(const Plan& plan);

}  // namespace tiller::study
