// What protocols look up in a summary for their verdicts, and the phrases that their sentences share.
#pragma once

#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::study {

using Settings = std::vector<const SettingSummary*>;
using Tasks = std::vector<const TaskSummary*>;

/// A warning that the model has a chat template and is compared in plain text, one or two sentences.
std::string plain_text_warning(const std::string& model);

/// The settings of `kind` in TaskSummary::test, without those that have a code of edit layers
/// (SettingSummary::layers). Pointers into the summary, here and below.
Settings of_kind(const TaskSummary& task, Kind kind);
/// The mean of a score; NaN when the setting has no such score.
double score_of(const SettingSummary& setting, const std::string& name);
/// The settings by falling primary score; equal ones keep their order.
Settings by_score(const TaskSummary& task, Settings settings);
/// The run's behavioural tasks, or its functional and extractive ones.
Tasks tasks_of(const Summary& summary, bool behavioural);

/// The comparison of settings a and b, as a minus b whichever way the summary has it. When they were not
/// compared: a difference of 0, p = 1 and empty ids. The numbers of draws are kept only in the summary's
/// direction.
PairSummary pair_of(const TaskSummary& task, const std::string& a, const std::string& b);
/// Significance level of every test.
inline constexpr double kLevel = 0.05;
/// Is the pair's first setting better: a difference above 0 and p_holm at most kLevel?
bool better(const PairSummary& pair);
/// Is the setting above zero-shot and each of its controls (SettingSummary::p_works at most kLevel)?
bool works(const SettingSummary& setting);
/// Does the interval exclude 0?
bool off_zero(const Interval& interval);
/// Is the share of the setting's outputs that collapsed above `limit`? False when the task has no such score.
bool collapses(const SettingSummary& setting, double limit);

/// "42 %" of 0.42; "n/a" of NaN.
std::string percent(double share);
/// "FV (42 %)": the setting's method and primary score.
std::string with_score(const TaskSummary& task, const SettingSummary& setting);
/// "behavioural" or "precise-answer".
const char* family_word(bool behavioural);
/// "1 task", "3 tasks"; "3 behavioural tasks" with a family.
std::string n_tasks(std::size_t n, const char* family = nullptr);

}  // namespace tiller::study
