#include "tasks/item_at.h"

#include <fmt/format.h>

#include "tiller/error.h"

namespace tiller {

const Item& item_at(const Task& task, int index) {
    if (index < 0 || static_cast<std::size_t>(index) >= task.items.size())
        throw Error(Code::usage, fmt::format("task {} has no item {}; expected an index from 0 to {}",
                                             task.name, index, static_cast<long>(task.items.size()) - 1));
    return task.items[static_cast<std::size_t>(index)];
}

}  // namespace tiller
