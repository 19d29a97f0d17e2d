// The rules by which a study chooses a setting.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/candidate.h"
#include "tiller/study.h"

namespace tiller::study {

/// Index into `grid` (not empty) of the setting to use. `records` has each setting's records on items that
/// will not be tested under the choice; those that `counts` returns false for are left out (empty = all
/// count). First, all settings within one standard error of the highest mean of `primary` are kept, because
/// on few items the highest mean may be chance. The standard error is that over items or that over the means
/// of draws (ItemRecord::draw), whichever is larger: one extraction of several may have been lucky. Of these,
/// answers take the setting with the highest mean log-probability, which separates settings better on few
/// items. Texts (primary_metric(true)) take the one with the lowest perplexity, which changes the model
/// least. Ties: the earlier point of the grid.
std::size_t choose(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   const std::string& primary, const std::function<bool(const ItemRecord&)>& counts = {});
/// The rules in one sentence each, for reports.
std::vector<std::string> choice_rules(const Plan& plan);

}  // namespace tiller::study
