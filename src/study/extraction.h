// Extracted vectors of a run folder, with checkpoints for the long ones.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>

#include "study/task_context.h"
#include "tasks/forms.h"

namespace tiller::study {

/// The method's extracted vector: from the run folder when it is there and fits, else extracted and saved.
/// With `form`, the task is extracted in that form.
SteeringVector extracted_vector(TaskContext& context, const Method& method, const TaskForm* form = nullptr);

/// The same for several numbers of pairs, extracted together: by number.
std::map<int, SteeringVector> extracted_vectors(TaskContext& context, const Method& method,
                                                std::span<const int> n_pairs);

/// Where that vector lies, relative to the run folder; n_pairs of the plan unless it is given.
std::filesystem::path vector_file(const TaskContext& context, const Method& method,
                                  std::optional<int> n_pairs = {}, const TaskForm* form = nullptr);

/// Removes what the extractions of the task's methods left to share: to be called when all are done.
void remove_checkpoints(const TaskContext& context);

}  // namespace tiller::study
