// Charts of the protocol "dose".
#pragma once

#include "report/charts.h"

namespace tiller::report {

/// The table "frontier": effect against damage, a line for each method with a point for each dose.
Chart frontier_chart(const AnalysisSummary& analysis);
/// The table "response": effect against dose, a line for each method.
Chart response_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
