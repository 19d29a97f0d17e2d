// Splits with other shares than split_task()'s.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tiller/task.h"

namespace tiller {

/// Shares in percent: training, validation, test; each at least 1, together 100. "" when they are, else what
/// is wrong with them.
std::string fault_of_shares(const std::vector<int>& percent);

/// As split_task(), from the same shuffled order, with these shares (rounded down; the test items are the
/// rest). Throws usage (fault_of_shares()), bad_input when a part would be empty.
Split split_task(const Task& task, std::uint64_t seed, const std::vector<int>& percent);

/// "60,10,30" as one writes it, and back. Throws usage where it is no list of whole numbers, and as
/// fault_of_shares() says.
std::string shares_text(const std::vector<int>& percent);
std::vector<int> shares_from(const std::string& text);

}  // namespace tiller
