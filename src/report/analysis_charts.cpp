// Which chart belongs to which analysis, by AnalysisSummary::id.
#include "report/analysis_charts.h"

#include <algorithm>
#include <map>

#include "report/crossed_charts.h"
#include "report/dose_charts.h"
#include "report/transfer_charts.h"

namespace tiller::report {
namespace {

using Draw = Chart (*)(const AnalysisSummary&);

// The function that draws each id's chart. Analyses with other ids are shown as a table only.
const std::map<std::string, Draw>& drawings() {
    static const std::map<std::string, Draw> all = {
        {"transfer", form_heat_map},     {"transfer-accuracy", form_heat_map},
        {"quantisation", form_heat_map}, {"shots", shots_chart},
        {"frontier", frontier_chart},    {"response", response_chart},
        {"factors", part_bars},          {"gap", part_bars},
    };
    return all;
}

}  // namespace

bool has_remarks(const AnalysisSummary& analysis) {
    return std::any_of(analysis.rows.begin(), analysis.rows.end(),
                       [](const AnalysisRow& row) { return !row.remark.empty(); });
}

std::optional<Chart> analysis_chart(const AnalysisSummary& analysis) {
    const auto found = drawings().find(analysis.id);
    if (found == drawings().end() || analysis.rows.empty()) return std::nullopt;
    return found->second(analysis);
}

}  // namespace tiller::report
