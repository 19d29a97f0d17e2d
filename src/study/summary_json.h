// The JSON tree behind to_json(), for reports that add to it.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tiller/summary.h"

namespace tiller {

/// Strings are made valid UTF-8; numbers that are not finite become null.
nlohmann::json summary_tree(const Summary& summary);
nlohmann::json cost_tree(const std::vector<Cost>& costs);

}  // namespace tiller
