// JSON that the files of sweeps and of heads across tasks have in common.
#pragma once

#include <nlohmann/json.hpp>

#include "tiller/sweep.h"

namespace tiller::report {

/// An object with "mean", "low" and "high".
nlohmann::json interval_tree(const Interval& interval);
/// An object with "n", "n_broken", "first_token" and "logprob"; a score without items is null.
nlohmann::json score_tree(const SweepScore& score);
/// An object with "hits", a string of 0 and 1, and "logprobs", an array with null where an item broke.
nlohmann::json items_tree(const ItemScores& items);

}  // namespace tiller::report
