// Parts of a summary that verdicts and analyses look up, and pairs of its settings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "study/by_setting.h"
#include "tiller/summary.h"

namespace tiller::study {

using Settings = std::vector<const SettingSummary*>;

/// The table of a list by its id; nullptr when there is none.
const AnalysisSummary* find_analysis(const std::vector<AnalysisSummary>& analyses, const std::string& id);
/// A setting by its id, in the main or a further table; nullptr when there is none.
const SettingSummary* find_setting(const TaskSummary& task, const std::string& id);
/// The settings of `kind` in a task's main table.
Settings of_kind(const TaskSummary& task, const std::string& kind);
/// nullptr when the setting has no such score.
const Interval* metric_of(const SettingSummary& setting, const std::string& name);
/// NaN when the setting has no such score.
double mean_of(const SettingSummary& setting, const std::string& name);
/// By falling primary score; the order given where scores are equal.
Settings by_score(const TaskSummary& task, Settings settings);

/// Items on which x is higher, lower than y.
std::pair<int, int> changes(const std::vector<double>& x, const std::vector<double>& y);
/// Two settings on the items that both have; p is not adjusted yet. Throws std::out_of_range when a setting
/// has no records.
PairSummary compare_pair(const BySetting& records, const std::string& a, const std::string& b,
                         const std::string& metric, int n_bootstrap, std::uint64_t seed);
/// The task's pair of two settings, seen from a; no difference and p = 1 when it was not compared.
PairSummary pair_of(const TaskSummary& task, const std::string& a, const std::string& b);
/// Is the pair's first setting better, at 5 % after Holm's adjustment?
bool better(const PairSummary& pair);

}  // namespace tiller::study
