// The vectors that a study chose, left in its run folder ready to use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// Where a method's chosen vector of a task lies, relative to the run folder: winners/<task>-<method>.gguf,
/// with the model's name in front when the plan has several.
std::filesystem::path winner_file(const Plan& plan, const std::string& model, const std::string& task,
                                  const std::string& method);

/// The chosen settings of a summarised task that are left as vectors: those of the plan's first seed under a
/// protocol that chooses, by falling score, those that are not shown to work last (adjust()); else empty.
/// Pure.
std::vector<WinnerSummary> winners_of(const Plan& plan, const TaskSummary& task);

/// Writes the vectors of a finished task that are not there, or are of other records, each whole. The same
/// records give the same bytes, whenever that happens.
void write_winners(TaskContext& context);

/// A setting's score in a vector's metadata: "<prefix>.metric", ".score", ".low", ".high" and ".n" of the
/// settings, numbers as short as they round-trip.
void mark_score(SteeringVector& vector, const std::string& prefix, const std::string& metric,
                const Interval& score, int n);

}  // namespace tiller::study
