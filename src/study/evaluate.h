// Runs candidates on items and scores the outputs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// Runs every candidate on every item (`items`: indices into Task::items) and returns their records:
/// [item][candidate], flat. With `generate`, texts are generated and scored; without, only the next token is
/// (functional and extractive tasks). In the phase `test`, texts that were generated while settings were
/// chosen are used again (Candidate::tried_as, TaskContext::tried), unless sampling is on or a candidate
/// wants its shift. `what` is shown as progress. Throws what the engine, answer_tokens() and add_shifts()
/// throw.
std::vector<ItemRecord> evaluate(TaskContext& context, std::span<const int> items,
                                 std::span<const Candidate> candidates, Phase phase, const std::string& what,
                                 bool generate);

/// Adds "entropy" and "kl" (KL(steered || unsteered), nats; not for "zero-shot" itself) to the records of the
/// candidates that want them (Candidate::want_shift). `results` and `records` are [item][candidate], flat.
/// NaN where a row broke. Throws usage when a candidate wants them and there is no candidate "zero-shot".
void add_shifts(std::span<const Candidate> candidates, const std::vector<RowResult>& results,
                std::vector<ItemRecord>& records);

}  // namespace tiller::study
