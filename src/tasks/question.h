// One question of a prompt.
#pragma once

#include <string>

#include "tiller/task.h"

namespace tiller {

/// The question about an input, up to where the answer goes: "Q: x\nA:". `is_first`: is it the first of its
/// prompt, so that the form's opening comes before the input?
std::string question_text(const Template& form, const std::string& input, bool is_first);

}  // namespace tiller
