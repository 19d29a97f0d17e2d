// Winners: each method's vector at its chosen setting, written to the run folder ready to use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The file of a method's winner on a task, relative to the run folder: winners/<task>-<method>.gguf, or
/// winners/<model>-<task>-<method>.gguf when the plan has several models.
std::filesystem::path winner_file(const Plan& plan, const std::string& model, const std::string& task,
                                  const std::string& method);

/// The winners of a summarised task: its chosen settings, first those that are shown to work (adjust()), then
/// the others, both by falling primary score. Empty under protocols that leave no winners, and for other
/// seeds than the plan's first. A pure function.
std::vector<WinnerSummary> winners_of(const Plan& plan, const TaskSummary& task);

/// Writes the winners of a finished task whose files are missing or were made from other records. Each file
/// is written atomically. The same records give the same bytes. With draws it may leave the context at the
/// first draw.
void write_winners(TaskContext& context);

/// Writes a setting's score to the vector's metadata (Provenance::settings): "<prefix>.metric", ".score",
/// ".low", ".high" and ".n" (items). Numbers have as few digits as reading them back exactly needs.
void mark_score(SteeringVector& vector, const std::string& prefix, const std::string& metric,
                const Interval& score, int n);

}  // namespace tiller::study
