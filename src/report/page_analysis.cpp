// Tables that a protocol computed from the records, with a chart where its kind has one.
#include <fmt/format.h>

#include <cmath>

#include "report/analysis_charts.h"
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

std::string table_of(const AnalysisSummary& analysis) {
    std::string table =
        fmt::format(R"(<table class="metrics"><thead><tr><th scope="col">{}</th>)", html(analysis.head));
    for (const auto& column : analysis.columns)
        table += fmt::format(R"(<th class="num" scope="col">{}</th>)", html(column));
    const bool remarks = has_remarks(analysis);
    if (remarks) table += R"(<th scope="col">remark</th>)";
    table += "</tr></thead><tbody>";
    for (const auto& row : analysis.rows) {
        table += fmt::format(R"(<tr><th scope="row">{}</th>)", html(row.label));
        for (const auto& value : row.values) table += number_cell(value);
        if (remarks) table += fmt::format("<td>{}</td>", html(row.remark));
        table += "</tr>";
    }
    return scrolled(table + "</tbody></table>");
}

}  // namespace

std::string analyses_part(const std::vector<AnalysisSummary>& analyses) {
    std::string out;
    for (const auto& analysis : analyses) {
        out += fmt::format("<h4>{}</h4>", html(analysis.title));
        if (const auto chart = analysis_chart(analysis)) out += figure(*chart);
        out += table_of(analysis);
        if (!analysis.note.empty()) out += fmt::format(R"(<p class="quiet">{}</p>)", html(analysis.note));
    }
    return out;
}

std::string analyses_section(const Summary& summary) {
    if (summary.analyses.empty()) return "";
    return R"(<section id="analyses"><h2>Over all tasks</h2>)" + analyses_part(summary.analyses) +
           "</section>";
}

}  // namespace tiller::report
