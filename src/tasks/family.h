// Which family a task belongs to, by the name of its folder and its own name.
#pragma once

#include <optional>
#include <string_view>

#include "tiller/task.h"

namespace tiller {

struct FamilyGuess {
    Family family = Family::functional;
    const char* from = "";  ///< As Task::family_from.
};

/// The rule stated at load_task(): `folder` is the name of the folder the file lies in.
FamilyGuess family_of(std::string_view task_name, std::string_view folder) noexcept;

/// The family of that name; empty for any other text.
std::optional<Family> family_from_name(std::string_view name) noexcept;

}  // namespace tiller
