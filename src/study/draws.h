// Draws of training items and prompts: each part of the items is tested in turn.
#pragma once

#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The task's splits, one per draw; none under one split (TuningPlan::n_fold).
std::vector<Split> draws_of(const TaskContext& context);

/// Turns the context to a draw: its training items, its share of the tested items (the first of which choose
/// settings for the other draws). What was measured of another draw's texts is forgotten, the style scorer
/// with it: whoever scores texts trains one.
void use_draw(TaskContext& context, const std::vector<Split>& draws, int draw);

/// Back to the task as a whole: all tested items, no draw.
void leave_draws(TaskContext& context, const std::vector<Split>& draws);

}  // namespace tiller::study
