// The tasks and forms that methods compare which pick heads by what they represent (docs/methods.md, "Concept
// heads").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiller/method_interface.h"

namespace tiller {

/// Tasks of tiller's own that stand in where there are too few others. Throws missing, bad_input.
std::vector<Task> concept_catalogue();

/// `task` and four others that have one right answer as it has, or another style as it has: of `others` in
/// their order, then of `catalogue`; each in the forms "qa", "arrow", "german" and, where there is one right
/// answer and every task has wrong ones to offer, "choice". A task is left out that has the name or the
/// contents of one that is in. `train` are the items of `task` that may be looked at; the others' are those
/// of their split by `seed`. Throws usage when there are fewer than two others.
std::vector<ConceptForm> concepts_of(const Task& task, std::span<const Task> others,
                                     std::span<const Task> catalogue, std::span<const int> train,
                                     std::uint64_t seed);

}  // namespace tiller
