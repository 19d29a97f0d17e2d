// Which generated texts of behavioural tasks are broken, and the style score that counts those as 0.
#pragma once

#include <span>
#include <vector>

#include "study/task_context.h"

namespace tiller::study {

/// The greatest mean negative log-probability per token under the unsteered model that a text may have
/// without being broken, in nats (docs/scores.md). `zero_shot` has that figure of each zero-shot output.
/// Infinite when it is empty.
double perplexity_limit(std::span<const double> zero_shot);

/// Sets TaskContext::nll_limit unless it is set: generates the zero-shot texts of the validation items as a
/// unit of work, takes perplexity_limit() of them, and appends their records to TaskContext::tried.
void find_perplexity_limit(TaskContext& context);

/// Adds two scores to records that have "collapsed", "style" and "nll". "broken_text" is 1 for a text that
/// collapsed (a loop, too few words, a broken row), that repeats phrases, or whose "nll" is above
/// TaskContext::nll_limit, which must be set; else 0. "whole_style" is "style", or 0 where the text is
/// broken.
void add_whole_style(const TaskContext& context, std::vector<ItemRecord>& records);

}  // namespace tiller::study
