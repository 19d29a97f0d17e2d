// Which chart belongs to which analysis.
#pragma once

#include <optional>

#include "report/charts.h"
#include "tiller/summary.h"

namespace tiller::report {

/// Does any row have a remark?
bool has_remarks(const AnalysisSummary& analysis);
/// The chart for the analysis' id, drawn from its rows. Empty for ids that have no chart, which are most, and
/// without rows.
std::optional<Chart> analysis_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
