// Parts that the JSON of sweeps and of heads across tasks share.
#pragma once

#include <nlohmann/json.hpp>

#include "tiller/sweep.h"

namespace tiller::report {

/// [mean, low, high] by name.
nlohmann::json interval_tree(const Interval& interval);
/// n, n_broken and both scores.
nlohmann::json score_tree(const SweepScore& score);
/// "hits" as a text of 0 and 1, "logprobs" with null where an item broke.
nlohmann::json items_tree(const ItemScores& items);

}  // namespace tiller::report
