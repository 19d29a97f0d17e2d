#include "tiller/summary.h"

#include <algorithm>

namespace tiller {
namespace {

template <class T>
const T* with_id(const std::vector<T>& list, std::string_view id) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const T& x) { return x.id == id; });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

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

const Interval* SettingSummary::metric(const std::string& score) const {
    const auto found = metrics.find(score);
    return found == metrics.end() ? nullptr : &found->second;
}

const AnalysisRow* AnalysisSummary::row(std::string_view row_id) const { return with_id(rows, row_id); }

const AnalysisSummary* TaskSummary::analysis(std::string_view id) const { return with_id(analyses, id); }

const AnalysisSummary* Summary::analysis(std::string_view id) const { return with_id(analyses, id); }

const SettingSummary* TaskSummary::find(std::string_view id) const {
    if (const auto* setting = with_id(test, id)) return setting;
    for (const auto& table : tables)
        if (const auto* setting = with_id(table.settings, id)) return setting;
    return nullptr;
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
