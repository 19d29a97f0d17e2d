// Natural-text contexts: a query inside a sentence that does not name the task.
#pragma once

#include "tiller/task.h"

namespace tiller {

/// The prompt of an item (index into task.items) as natural text (arXiv 2310.15213, section 3.2), in our own
/// wording: one of four sentences, taken in turn by Item::id. The right answer follows after a blank, as in
/// other prompts. Throws std::out_of_range when there is no such item.
Prompt natural_text_prompt(const Task& task, int item);

}  // namespace tiller
