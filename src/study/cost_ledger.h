// The cost ledger of a run folder: cost.jsonl.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/summary.h"

namespace tiller::study {

/// A line of the ledger. `whose` names model, task, method and phase; n_decode, n_token and seconds are what
/// the engine did between the readings `before` and `now` of Engine::stats().
Cost spent(Cost whose, const EngineStats& before, const EngineStats& now);

/// The cost of work that was done for several methods at once, a line each in the order of their names.
/// `methods` names the method of each row of that work, at least one: one that is named twice bears two
/// shares. Decodes and tokens are whole numbers whose sums are those of `whole`.
std::vector<Cost> shares_of(const Cost& whole, const std::vector<std::string>& methods);

/// Appends a line to the ledger of the folder. Throws environment when it cannot be written.
void add_cost(const std::filesystem::path& folder, const Cost& cost);

}  // namespace tiller::study
