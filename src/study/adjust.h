// Adjusts the p values of a task's tests for the number of tests that ask the same question.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

/// The ids of a method's two controls, like "fv-random" and "fv-shuffled", whether or not a task has them.
std::vector<std::string> control_ids(const std::string& method);

/// Fills in PairSummary::p_holm and SettingSummary::p_works of a task, both adjusted by Holm's method.
/// p_holm is adjusted over the pairs of the task that ask the same question: which of two chosen settings is
/// better, is a setting above a control, or is it above zero-shot. p_works is the p value of an
/// intersection-union test (Berger 1982): the greatest of the p values against zero-shot and each control, 1
/// where a difference is not positive. It is adjusted over the task's chosen settings. There is no adjustment
/// over tasks: to be called working on a task, a method without effect must win every one of these
/// comparisons there by chance.
void adjust(TaskSummary& task);

}  // namespace tiller::study
