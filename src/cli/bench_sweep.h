// A sweep of settings against running each setting alone.
#pragma once

#include "cli/common.h"

namespace tiller::cli {

/// 8 layers x 6 strengths x 8 vectors on `n_item` prompts: all settings of an item in one fork, against each
/// setting alone. Times `n_alone` settings on all items in turn with a few items of the sweep, extrapolates
/// to all and prints a table.
void bench_sweep(Engine& engine, int n_item, int n_alone);

}  // namespace tiller::cli
