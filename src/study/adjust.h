// Tests of a task, adjusted for how many there are of each question.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

/// "fv-random", "fv-shuffled": the ids of a method's controls, whether or not a task has them.
std::vector<std::string> control_ids(const std::string& method);

/// Fills in PairSummary::p_holm and SettingSummary::p_works of a task. Questions are a task's own: which of
/// two settings is better; which is above its control; which is above zero-shot. Each is adjusted by Holm's
/// method over the pairs that ask it. That a method works is said only where it is above zero-shot and above
/// each of its controls (an intersection-union test, Berger 1982: its p is the greatest of theirs), adjusted
/// over the methods. Tasks do not pay for each other, since a method that does nothing would have to win two
/// comparisons or more on the same task by luck.
void adjust(TaskSummary& task);

}  // namespace tiller::study
