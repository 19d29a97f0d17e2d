// Charts of sweeps of a function vector's settings, and of heads across tasks.
#pragma once

#include "report/charts.h"
#include "tiller/sweep.h"
#include "tiller/universal_heads.h"

namespace tiller::report {

/// A heat map of first-token accuracy over layers and numbers of heads, a panel for each strength. `filtered`
/// uses only the filtered items. Outlined: the best setting over all items.
Chart sweep_heat_map(const Sweep& sweep, const SweepColumn& column, bool filtered);
/// First-token accuracy by layer, a line for each number of heads, a panel for each strength. The unsteered
/// model is a dashed line.
Chart sweep_layer_lines(const Sweep& sweep, const SweepColumn& column);
/// The same by number of heads, with a line for each layer.
Chart sweep_head_lines(const Sweep& sweep, const SweepColumn& column);

/// A heat map of `values` [row][column] in [0, 1], where rows and columns are the tasks in their order.
/// `intervals` [row][column] are for tooltips and may be empty. `rows`, `columns` and `value` are titles,
/// `name` and `caption` the chart's.
Chart task_matrix(const std::vector<std::string>& tasks, const std::vector<std::vector<double>>& values,
                  const std::vector<std::vector<Interval>>& intervals, const std::string& name,
                  const std::string& rows, const std::string& columns, const std::string& value,
                  const std::string& caption);

}  // namespace tiller::report
