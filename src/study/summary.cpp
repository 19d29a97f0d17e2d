#include "tiller/summary.h"

#include <algorithm>

namespace tiller {

const char* kind_name(Kind kind) noexcept {
    switch (kind) {
        case Kind::baseline: return "baseline";
        case Kind::paper: return "paper";
        case Kind::chosen: return "chosen";
        case Kind::control: return "control";
        case Kind::grid: return "grid";
        case Kind::condition: return "condition";
        case Kind::dose: return "dose";
        case Kind::transfer: return "transfer";
        case Kind::composition: return "composition";
        case Kind::shots: return "shots";
    }
    return "unknown";
}

std::string kind_text(const SettingSummary& setting) {
    return setting.layers.empty() ? kind_name(setting.kind) : setting.layers;
}

const AnalysisRow* AnalysisSummary::row(std::string_view row_id) const {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const AnalysisRow& r) { return r.id == row_id; });
    return found == rows.end() ? nullptr : &*found;
}

Interval AnalysisSummary::at(const AnalysisRow& row, std::string_view column_id) const {
    for (std::size_t k = 0; k < std::min(columns.size(), row.values.size()); ++k)
        if (columns[k].id == column_id) return row.values[k];
    return no_number();
}

Interval AnalysisSummary::at(std::string_view row_id, std::string_view column_id) const {
    const AnalysisRow* found = row(row_id);
    return found ? at(*found, column_id) : no_number();
}

}  // namespace tiller
