// Charts of the crossed design.
#pragma once

#include "report/charts.h"

namespace tiller::report {

/// The first column of the table that has intervals as bars, in the order of its rows: shares of variance,
/// parts of a gap.
Chart part_bars(const AnalysisSummary& analysis);

}  // namespace tiller::report
