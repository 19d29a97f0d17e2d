// Vega-Lite specifications of the report's charts. Colours are written as "var(--name)"; the page's script
// replaces them by the colours of the reader's mode (light or dark), and sets the width.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/palette.h"
#include "tiller/summary.h"

namespace tiller::report {

/// A chart with its name and caption.
struct Chart {
    nlohmann::json spec;  ///< Vega-Lite.
    std::string name;     ///< The file name of a saved image, without its ending; plain text.
    std::string caption;  ///< Plain text; may be empty.
    int panels = 1;       ///< Number of panels, which are placed side by side where there is room.
};

/// Is the setting drawn in the overview chart of these tasks? With more than twelve settings the paper's
/// settings and the controls are only in the tables, because a reader could not tell so many marks apart.
bool in_overview(const std::vector<const TaskSummary*>& tasks, const SettingSummary& setting);

/// The primary metric with its interval of every setting that is in_overview(), a row of points for each
/// task. All tasks must have the same primary metric.
Chart overview_chart(const Summary& summary, const std::vector<const TaskSummary*>& tasks,
                     const Palette& palette);

/// A heat map of each head's average indirect effect (layers across, heads down). The outlined_heads()
/// strongest are outlined.
Chart head_chart(const TaskSummary& task);

/// Validation scores of one method: `metric` against strength. Where the grid has several: a panel for each
/// number of heads (else of pairs), and a colour for each layer. The chosen setting is ringed.
Chart strength_chart(const TaskSummary& task, const std::string& method, const std::string& metric,
                     const Palette& palette);

/// The primary metric against perplexity for all validation points that have both, a colour for each method.
Chart trade_off_chart(const TaskSummary& task, const Palette& palette);

/// The name of the setting on the horizontal axis of strength_chart(): a strength ("alpha", "scale", ...),
/// for methods without one "layer". Empty when the points have neither.
std::string strength_of(const std::vector<const SettingSummary*>& points);

/// The validation points of one method that have a finite value of the metric; pointers into `task`.
std::vector<const SettingSummary*> grid_points(const TaskSummary& task, const std::string& method,
                                               const std::string& metric);

/// How many of task.top_heads to outline: the number "heads" of the chosen setting, else 10; at most all of
/// them. Under the paper's protocol that of a condition outside the table of edit layers. The last such
/// setting counts.
int outlined_heads(const TaskSummary& task);

}  // namespace tiller::report
