// Runs candidates on items and scores what comes out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// One record per item (index into task.items) and candidate, in that order. With `generate`, texts are
/// generated and scored; without, only the next token is (functional tasks). Test items whose texts choosing
/// a setting wrote take those over (TaskContext::tried). `what` is shown as progress.
std::vector<ItemRecord> evaluate(TaskContext& context, std::span<const int> items,
                                 std::span<const Candidate> candidates, Phase phase, const std::string& what,
                                 bool generate);

/// Adds "entropy" and, but for "zero-shot" itself, "kl" to the records of candidates that want them
/// (Candidate::want_shift): one record and one result for each item and candidate, in that order. NaN where a
/// row broke. Throws usage when there is no candidate "zero-shot".
void add_shifts(std::span<const Candidate> candidates, const std::vector<RowResult>& results,
                std::vector<ItemRecord>& records);

}  // namespace tiller::study
