// Which family a task belongs to, from where it lies and how it is called.
#pragma once

#include <string_view>

#include "tiller/task.h"

namespace tiller {

/// The rule stated at load_task(): `folder` is the name of the folder the file lies in.
Family family_of(std::string_view task_name, std::string_view folder) noexcept;

}  // namespace tiller
