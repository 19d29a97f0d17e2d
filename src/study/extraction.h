// Extracted vectors in a run folder, and the checkpoints of long extractions.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include "study/task_context.h"
#include "tasks/forms.h"

namespace tiller::study {

/// The method's extracted vector on the context's training items: read from the run folder when it is there,
/// else extracted, saved and read back. With `form`, the prompts have that form. Throws bad_input when a
/// saved vector is of another model (require_match()); errors of Method::extract() pass through.
SteeringVector extracted_vector(TaskContext& context, const Method& method, const TaskForm* form = nullptr);

/// The same for several numbers of pairs: number of pairs -> vector. Those that the folder lacks are
/// extracted in one call (Method::extract_sizes()).
std::map<int, SteeringVector> extracted_vectors(TaskContext& context, const Method& method,
                                                std::span<const int> n_pairs);

/// The file of such a vector, relative to the run folder. Without `n_pairs`: the file of extracted_vector()
/// with the same `form`, made with the plan's number of pairs.
std::filesystem::path vector_file(const TaskContext& context, const Method& method,
                                  std::optional<int> n_pairs = {}, const TaskForm* form = nullptr);

/// Removes the checkpoints of the task, which its methods and draws share. To be called after the last
/// extraction.
void remove_checkpoints(const TaskContext& context);

}  // namespace tiller::study
