// The tasks and forms whose prompts the method "concept-heads" compares (docs/methods.md, "Concept heads").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiller/method_interface.h"

namespace tiller {

/// Eight tasks that tiller ships, to fill up a list with too few other tasks. Reads their files; throws
/// missing or bad_input when one cannot be used.
std::vector<Task> concept_catalogue();

/// `task` and up to four others, each in three or four forms; MethodInput::concepts. The others come from
/// `others` in their order, then from `catalogue`: behavioural tasks for a behavioural task, else tasks that
/// are not. A task with the name or the digest of an earlier one is left out. The forms are "qa", "arrow",
/// "german", and "choice" where no task is behavioural and every item has a wrong answer among its task's
/// outputs. `train` are the items of `task` that prompts may use; the other tasks use the training items of
/// their split by `seed`. Throws usage when there are fewer than two others.
std::vector<ConceptForm> concepts_of(const Task& task, std::span<const Task> others,
                                     std::span<const Task> catalogue, std::span<const int> train,
                                     std::uint64_t seed);

}  // namespace tiller
