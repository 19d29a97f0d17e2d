// Tables that a protocol computed from the records, with a chart where their id has one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/analysis_charts.h"
#include "report/answers.h"
#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

std::string number_cell(const Interval& value) {
    if (std::isfinite(value.low) && std::isfinite(value.high)) return interval_cell(&value, "");
    if (!std::isfinite(value.mean)) return interval_cell(nullptr, "");
    return fmt::format(R"(<td class="num">{}</td>)", with_minus(format_plain(value.mean)));
}

}  // namespace

std::string analysis_table(const AnalysisSummary& analysis, const std::string& name) {
    std::string table =
        fmt::format(R"(<table class="metrics"><thead><tr><th scope="col">{}</th>)", html(analysis.head));
    for (const auto& column : analysis.columns)
        table += fmt::format(R"(<th class="num" scope="col">{}</th>)", html(column.label));
    const bool remarks = has_remarks(analysis);
    if (remarks) table += R"(<th scope="col">remark</th>)";
    table += "</tr></thead><tbody>";
    for (const auto& row : analysis.rows) {
        table += fmt::format(R"(<tr><th scope="row">{}</th>)", html(row.label));
        for (const auto& value : row.values) table += number_cell(value);
        if (remarks) table += fmt::format(R"(<td class="remark">{}</td>)", html(row.remark));
        table += "</tr>";
    }
    return scrolled(name, table + "</tbody></table>");
}

std::string analyses_part(const std::vector<AnalysisSummary>& analyses, const std::string& of) {
    std::string out;
    for (const auto& analysis : analyses) {
        out += fmt::format("<h4>{}</h4>", html(analysis.title));
        if (const auto chart = analysis_chart(analysis)) out += figure(*chart);
        out += analysis_table(analysis, of.empty() ? analysis.title : of + ": " + analysis.title);
        if (!analysis.note.empty()) out += fmt::format(R"(<p class="quiet">{}</p>)", html(analysis.note));
    }
    return out;
}

std::string analyses_section(const Summary& summary) {
    std::vector<AnalysisSummary> others;
    std::remove_copy_if(summary.analyses.begin(), summary.analyses.end(), std::back_inserter(others),
                        [](const AnalysisSummary& analysis) { return analysis.id == kAnswers; });
    if (others.empty()) return "";
    return R"(<section id="analyses"><h2>Over all tasks</h2>)" + analyses_part(others, "") + "</section>";
}

}  // namespace tiller::report
