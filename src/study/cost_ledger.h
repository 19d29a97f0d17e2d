// The cost ledger of a run: cost.jsonl.
#pragma once

#include <filesystem>

#include "tiller/engine.h"
#include "tiller/summary.h"

namespace tiller::study {

/// A line of the ledger: `whose` names model, task, method and phase; the amounts are what the engine did
/// between the two readings.
Cost spent(Cost whose, const EngineStats& before, const EngineStats& now);

/// Appends to the ledger of the folder. Throws environment.
void add_cost(const std::filesystem::path& folder, const Cost& cost);

}  // namespace tiller::study
