// Charts of the analyses of equal doses.
#pragma once

#include "report/charts.h"

namespace tiller::report {

/// "frontier": effect against damage, a line for each method with a point for each dose.
Chart frontier_chart(const AnalysisSummary& analysis);
/// "response": effect against dose.
Chart response_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
