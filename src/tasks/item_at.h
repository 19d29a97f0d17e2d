// Checked access to a task's items by index.
#pragma once

#include "tiller/task.h"

namespace tiller {

/// task.items[index]. Throws usage when there is no such item.
const Item& item_at(const Task& task, int index);

}  // namespace tiller
