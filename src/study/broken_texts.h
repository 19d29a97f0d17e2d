// Which texts of behavioural tasks are broken, and what is left of their style.
#pragma once

#include <span>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The greatest mean negative log-probability per token, under the unsteered model, of a text that is no
/// nonsense: from that of the zero-shot outputs (docs/methods.md). Infinite without any.
double perplexity_limit(std::span<const double> zero_shot);

/// Sets TaskContext::nll_limit, when it is not set, from the zero-shot texts of the validation items, which
/// are generated once (a unit of work) and kept in TaskContext::tried.
void find_perplexity_limit(TaskContext& context);

/// Adds "broken_text" (1: loops, too few words, a broken row, or a perplexity above the limit, which is
/// known) and "whole_style" (the style, 0 where broken) to records of texts with their "nll".
void add_whole_style(const TaskContext& context, std::vector<ItemRecord>& records);

}  // namespace tiller::study
