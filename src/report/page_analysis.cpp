// Tables that a protocol computed from the records, with a chart where its kind has one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/analysis_charts.h"
#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

constexpr const char* kAnswers = "answers";  // stands at the page's beginning

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
        if (remarks) table += fmt::format(R"(<td class="remark">{}</td>)", html(row.remark));
        table += "</tr>";
    }
    return scrolled(table + "</tbody></table>");
}

}  // namespace

std::string analyses_part(const std::vector<AnalysisSummary>& analyses) {
    std::string out;
    for (const auto& analysis : analyses) {
        if (analysis.id == kAnswers) continue;
        out += fmt::format("<h4>{}</h4>", html(analysis.title));
        if (const auto chart = analysis_chart(analysis)) out += figure(*chart);
        out += table_of(analysis);
        if (!analysis.note.empty()) out += fmt::format(R"(<p class="quiet">{}</p>)", html(analysis.note));
    }
    return out;
}

std::string answers_section(const Summary& summary) {
    for (const auto& analysis : summary.analyses)
        if (analysis.id == kAnswers)
            return fmt::format(R"(<section id="answers"><h2>{}</h2>{}<p class="quiet">{}</p></section>)",
                               html(analysis.title), table_of(analysis), html(analysis.note));
    return "";
}

std::string analyses_section(const Summary& summary) {
    if (std::all_of(summary.analyses.begin(), summary.analyses.end(),
                    [](const auto& analysis) { return analysis.id == kAnswers; }))
        return "";
    return R"(<section id="analyses"><h2>Over all tasks</h2>)" + analyses_part(summary.analyses) +
           "</section>";
}

}  // namespace tiller::report
