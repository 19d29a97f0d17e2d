// Charts of sweeps and of heads across tasks.
#pragma once

#include "report/charts.h"
#include "tiller/sweep.h"
#include "tiller/universal_heads.h"

namespace tiller::report {

/// First-token accuracy over layers and numbers of heads, a panel for each strength; the best is outlined.
Chart sweep_heat_map(const Sweep& sweep, const SweepColumn& column, bool filtered);
/// Accuracy by layer, a line for each number of heads, a panel for each strength; unsteered as a dashed line.
Chart sweep_layer_lines(const Sweep& sweep, const SweepColumn& column);
/// Accuracy by number of heads, a line for each layer, a panel for each strength.
Chart sweep_head_lines(const Sweep& sweep, const SweepColumn& column);

/// A square of numbers in [0, 1] over tasks: rows a, columns b; `intervals` may be empty.
Chart task_matrix(const std::vector<std::string>& tasks, const std::vector<std::vector<double>>& values,
                  const std::vector<std::vector<Interval>>& intervals, const std::string& name,
                  const std::string& rows, const std::string& columns, const std::string& value,
                  const std::string& caption);

}  // namespace tiller::report
