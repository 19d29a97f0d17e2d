// Draws of training items and prompts (cross-fitting): each part of the items is tested in turn.
#pragma once

#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The task's splits, one per draw, as fold_task() makes them; empty when the plan has one split
/// (TuningPlan::n_fold is 1).
std::vector<Split> draws_of(const TaskContext& context);

/// Makes `draw` (an index into `draws`) the context's current one: sets its split, its share of the plan's
/// n_test test items, and as validation items the first of these, which choose settings for the other draws.
/// Clears the nll limit, the tried texts, the second judge and the style scorer of the draw before. Call
/// train_scorer() before texts are scored.
void use_draw(TaskContext& context, const std::vector<Split>& draws, int draw);

/// Ends the work on single draws: TaskContext::draw is -1, and the test and validation items are those of all
/// draws, in the order of draws. The split stays that of the last draw.
void leave_draws(TaskContext& context, const std::vector<Split>& draws);

}  // namespace tiller::study
