// Charts of the protocol "transfer".
#pragma once

#include "report/charts.h"
#include "tiller/summary.h"

namespace tiller::report {

/// A table whose rows are about a "method" and where its vector is "from", and whose columns are places: a
/// heat map for each method. Rows of controls ("role") and others are left out.
Chart form_heat_map(const AnalysisSummary& analysis);

/// The table "shots": log-probability by number of demonstrations, with and without the vector, a panel for
/// each method.
Chart shots_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
