// Natural-text contexts: a query inside a sentence that does not name the task.
#pragma once

#include "tiller/task.h"

namespace tiller {

/// The prompt of an item as natural text (arXiv 2310.15213, section 3.2), in our own wording: one of a few
/// sentences, taken in turn by item, so that items spread evenly over them. The right answer follows after a
/// blank, as in the other prompts.
Prompt natural_text_prompt(const Task& task, int item);

}  // namespace tiller
