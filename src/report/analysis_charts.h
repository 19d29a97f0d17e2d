// Charts of analyses.
#pragma once

#include <optional>

#include "report/charts.h"
#include "tiller/summary.h"

namespace tiller::report {

/// Does any row carry a remark?
bool has_remarks(const AnalysisSummary& analysis);
/// The chart of analyses of this id; none for most.
std::optional<Chart> analysis_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
