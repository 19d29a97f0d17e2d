// Cells of tables by the ids of their rows and columns.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tiller/summary.h"

namespace tiller::test {

/// Throws when there is no such row or column, where AnalysisSummary::at() gives NaN.
inline Interval cell(const AnalysisSummary& table, const std::string& row, const std::string& column) {
    const auto is_it = [&](const AnalysisColumn& c) { return c.id == column; };
    if (!table.row(row)) throw std::runtime_error("no row " + row);
    if (std::none_of(table.columns.begin(), table.columns.end(), is_it))
        throw std::runtime_error("no column " + column);
    return table.at(row, column);
}

}  // namespace tiller::test
