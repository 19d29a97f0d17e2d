// What verdicts look up in a summary, and the words they share.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

using Settings = std::vector<const SettingSummary*>;
using Tasks = std::vector<const TaskSummary*>;

/// What to say of a model with a chat template that is asked in plain text.
std::string plain_text_warning(const std::string& model);

/// The settings of `kind` in a task's main table.
Settings of_kind(const TaskSummary& task, Kind kind);
/// The mean; NaN when the setting has no such score.
double score_of(const SettingSummary& setting, const std::string& name);
/// By falling primary score; the order given where scores are equal.
Settings by_score(const TaskSummary& task, Settings settings);
/// The tasks with one right answer, or those of style. Pointers into the summary.
Tasks tasks_of(const Summary& summary, bool behavioural);

/// The task's pair of two settings, seen from a; no difference and p = 1 when it was not compared.
PairSummary pair_of(const TaskSummary& task, const std::string& a, const std::string& b);
/// The level of every test.
inline constexpr double kLevel = 0.05;
/// Is the pair's first setting better, at 5 % after Holm's adjustment?
bool better(const PairSummary& pair);
/// Is the setting above zero-shot and each of its controls, at 5 % (SettingSummary::p_works)?
bool works(const SettingSummary& setting);
/// Does the interval leave out 0?
bool off_zero(const Interval& interval);
/// Do more of the setting's outputs collapse than allowed? Not where the task has no such score.
bool collapses(const SettingSummary& setting, double limit);

/// "42 %"; "n/a" of what is no number.
std::string percent(double share);
/// "FV (42 %)": a method with its setting's primary score.
std::string with_score(const TaskSummary& task, const SettingSummary& setting);
/// "behavioural" or "precise-answer".
const char* family_word(bool behavioural);
/// "1 task", "3 tasks", with the word for the family in between where it is given.
std::string n_tasks(std::size_t n, const char* family = nullptr);

}  // namespace tiller::study
