// Decisions that the tables of all formats share: order of metrics, which settings are marked as best or as
// no better than random, and names.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::report {

/// Names of the metrics that any of these settings has: `primary` first, then in the order of
/// scoring/metrics.h.
std::vector<std::string> metrics_of(const std::vector<SettingSummary>& settings, const std::string& primary);

/// Is it a setting of a steering method under test, not a baseline (no method, a prompt) and not a control?
bool is_steering(const SettingSummary& setting);

/// Is the setting shown to work, by the numbers of the task's table? The primary metric must be known, and
/// above 0 when it is a share of which more is better. The interval of every known paired difference to
/// zero-shot, to the unsteered run and to controls must be on the better side of 0. A setting that is one of
/// task.winners must be shown there.
bool is_shown(const TaskSummary& task, const SettingSummary& setting);

/// Ids of the steering settings with the best mean of the primary metric (several when they tie) that are
/// also is_shown().
std::set<std::string> best_of(const TaskSummary& task);

/// True for a steering setting whose paired difference to its control (random, shuffled labels or another
/// one) is in the table, when the interval does not lie on the better side of 0.
bool no_better_than_random(const SettingSummary& setting, const std::string& primary);

/// "12 / 3": how many items score higher and lower than without steering; empty where that is not known.
std::string items_changed(const SettingSummary& setting);

/// "FV paper", "ICV chosen", else the id.
std::string short_name(const SettingSummary& setting);

/// "antonym", or "antonym, seed 3" when the summary has this task on this model more than once.
std::string row_name(const Summary& summary, const TaskSummary& task);
/// row_name(), with the model in brackets when the summary has several models.
std::string task_title(const Summary& summary, const TaskSummary& task);

/// A model's name without folders and without the ending ".gguf".
std::string model_title(const std::string& name);

/// The summary's title. Where that is the default title of plans, a title from the methods and models
/// instead: "FV, ICV and mean-diff compared on gemma3-270m".
std::string report_title(const Summary& summary);

/// The first of the task's winners, which begin with those that are shown to work; nullptr when there is
/// none. It may be one that is not shown. Points into `task`.
const WinnerSummary* best_winner(const TaskSummary& task);

/// Costs of one model, method and phase together.
struct CostLine {
    std::string model, method, phase;
    std::uint64_t n_decode = 0, n_token = 0;  ///< Calls into the engine; tokens computed.
    double seconds = 0;
};
/// `costs` summed by model, method and phase: models and methods in alphabetical order, phases in the order
/// of work. The result, rounding included, does not depend on the order of `costs`.
std::vector<CostLine> sum_costs(const std::vector<Cost>& costs);

}  // namespace tiller::report
