// Splits with other shares than split_task()'s.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tiller/task.h"

namespace tiller {

/// Checks shares in percent {training, validation, test}: each at least 1, together 100. Returns "" when they
/// are right, else what is wrong with them, as half a sentence.
std::string fault_of_shares(const std::vector<int>& percent);

/// As split_task(task, seed), from the same shuffled order, but with these shares. Training and validation
/// are rounded down; the test items are the rest. Throws usage (fault_of_shares()), bad_input when a part
/// would be empty.
Split split_task(const Task& task, std::uint64_t seed, const std::vector<int>& percent);

/// Shares as text: "60,10,30".
std::string shares_text(const std::vector<int>& percent);
/// Reads such a text. Throws usage when it is not a list of whole numbers, or fault_of_shares() finds a
/// fault.
std::vector<int> shares_from(const std::string& text);

}  // namespace tiller
