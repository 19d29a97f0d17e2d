// The JSON trees that to_json() is made of, for reports that add to them.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tiller/summary.h"

namespace tiller {

/// The tree of to_json(), and the list of the lines of a cost ledger. Texts are made valid UTF-8; numbers
/// that are not finite become null.
nlohmann::json summary_tree(const Summary& summary);
nlohmann::json cost_tree(const std::vector<Cost>& costs);

}  // namespace tiller
