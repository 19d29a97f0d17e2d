// Items of a task that have the same input.
#pragma once

#include <string>
#include <vector>

#include "tiller/task.h"

namespace tiller {

/// Indices of the items whose input no earlier item has, rising.
std::vector<int> first_of_each_input(const Task& task);

/// What is right for an item: its outputs, and those of all other items with its input, each once.
std::vector<std::string> right_answers(const Task& task, const Item& item);

}  // namespace tiller
