// One question of a prompt.
#pragma once

#include <string>

#include "tiller/task.h"

namespace tiller {

/// An input as the form asks about it, up to the place where the answer goes. `is_first`: the form's opening
/// stands in front of the input.
std::string question_text(const Template& form, const std::string& input, bool is_first);

}  // namespace tiller
