// What the tables of every format mark: order of metrics, the best method, what is no better than random.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::report {

/// Metrics that any of these settings has, the primary one first, then in the order of scoring/metrics.h.
std::vector<std::string> metrics_of(const std::vector<SettingSummary>& settings, const std::string& primary);

/// A steering method under test: neither a baseline (no method, a prompt) nor a control.
bool is_steering(const SettingSummary& setting);

/// Is the setting shown to work by the numbers of the task's table? A share must be above 0, clearly better
/// than zero-shot (or unsteered) and than the random control where those differences are known, and its
/// outputs must not collapse.
bool is_shown(const TaskSummary& task, const SettingSummary& setting);

/// Ids of the steering settings with the best mean of the primary metric (several when they tie), without
/// those that are not is_shown().
std::set<std::string> best_of(const TaskSummary& task);

/// True when a steering setting's difference to its random control is known and its interval does not lie on
/// the better side of zero.
bool no_better_than_random(const SettingSummary& setting, const std::string& primary);

/// "12 / 3": items that score higher and lower than without steering; empty where that is not known.
std::string items_changed(const SettingSummary& setting);

/// "FV paper", "ICV chosen", else the id.
std::string short_name(const SettingSummary& setting);

/// "antonym"; with the seed when the summary has this task of this model more than once.
std::string row_name(const Summary& summary, const TaskSummary& task);
/// The same with the model when the summary has several.
std::string task_title(const Summary& summary, const TaskSummary& task);

/// A model's name without the folder and the ending that a path has.
std::string model_title(const std::string& name);

/// The summary's title; in place of a plan's default one, which names no method and no model, those that were
/// compared: "FV, ICV and mean-diff compared on gemma3-270m".
std::string report_title(const Summary& summary);

/// The winner that a task's verdict stands for: the first of those that count; nullptr when there is none.
const WinnerSummary* best_winner(const TaskSummary& task);

/// The cost ledger summed up by method and phase, both in the order of work; sorted, whatever the order of
/// `costs`.
struct CostLine {
    std::string model, method, phase;
    std::uint64_t n_decode = 0, n_token = 0;
    double seconds = 0;
};
std::vector<CostLine> sum_costs(const std::vector<Cost>& costs);

}  // namespace tiller::report
