// Charts of the protocol "transfer".
#pragma once

#include "report/charts.h"
#include "tiller/summary.h"

namespace tiller::report {

/// A heat map for each method: where a vector was extracted (down) against where it is applied (across). Each
/// row of the table names its "method" and where its vector is "from" in AnalysisRow::about; the columns say
/// where it is applied. Rows without "from" and rows with a "role", such as controls, are left out.
Chart form_heat_map(const AnalysisSummary& analysis);

/// The table "shots": log-probability of the right answer by number of demonstrations, with and without the
/// vector; a panel for each method.
Chart shots_chart(const AnalysisSummary& analysis);

}  // namespace tiller::report
