// Charts of the protocol "crossed".
#pragma once

#include "report/charts.h"

namespace tiller::report {

/// The tables "factors" (shares of variance) and "gap" (parts of a difference): a bar with its interval for
/// each row, in their order. Draws the first column that has intervals, or the last column when none has.
Chart part_bars(const AnalysisSummary& analysis);

}  // namespace tiller::report
