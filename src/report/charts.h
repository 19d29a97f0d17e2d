// Vega-Lite specifications of the report's charts. Colours are written as "var(--name)"; the page's script
// puts the reader's colours and the width there.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/palette.h"
#include "tiller/summary.h"

namespace tiller::report {

/// A chart with what stands around it.
struct Chart {
    nlohmann::json spec;
    std::string name;     ///< For the file of a saved image.
    std::string caption;  ///< Plain text.
    int panels = 1;       ///< Side by side when there is room.
};

/// Is the setting drawn in the overview of these tasks? With more than a dozen settings the paper's settings
/// and the controls are left to the tables: nobody could tell them apart.
bool in_overview(const std::vector<const TaskSummary*>& tasks, const SettingSummary& setting);

/// Primary metric with its interval of every setting that is in_overview(), one row of points for each task;
/// all tasks share the metric.
Chart overview_chart(const Summary& summary, const std::vector<const TaskSummary*>& tasks,
                     const Palette& palette);

/// Average indirect effect of each head, with the heads of the vector outlined.
Chart head_chart(const TaskSummary& task);

/// The tuning of one method: strength against `metric`, a panel for each number of heads and a colour for
/// each layer where the grid has several.
Chart strength_chart(const TaskSummary& task, const std::string& method, const std::string& metric,
                     const Palette& palette);

/// All validation points: perplexity against the primary metric, a colour for each method.
Chart trade_off_chart(const TaskSummary& task, const Palette& palette);

/// The setting that says how strongly a method acts ("alpha", "scale"), "" when the grid has none.
std::string strength_of(const std::vector<const SettingSummary*>& points);

/// Points of the grid of one method that have the metric.
std::vector<const SettingSummary*> grid_points(const TaskSummary& task, const std::string& method,
                                               const std::string& metric);

/// Heads that the function vector was made of: those of the chosen setting, else 10; at most what is known.
int outlined_heads(const TaskSummary& task);

}  // namespace tiller::report
