#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/escape.h"
#include "report/numbers.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

constexpr int column_gap = 2;       // blanks between columns
constexpr int least_row_label = 8;  // columns on the right are left out before labels get narrower than this

std::string cell(const Interval& value, bool with_range) {
    if (!std::isfinite(value.mean)) return "-";
    if (!std::isfinite(value.low) || !std::isfinite(value.high)) return format_plain(value.mean);
    return with_range ? format_interval(value) : format_value(value.mean);
}

std::string padded_cell(const std::string& text, int width, bool right) {
    const std::string blanks(static_cast<std::size_t>(std::max(width - columns_of(text), 0)), ' ');
    return right ? blanks + text : text + blanks;
}

int width_of(const AnalysisSummary& analysis, std::size_t column, bool with_range) {
    int width = columns_of(terminal_text(analysis.columns[column].label));
    for (const auto& row : analysis.rows)
        if (column < row.values.size())
            width = std::max(width, columns_of(cell(row.values[column], with_range)));
    return width;
}

}  // namespace

std::string terminal_analysis(const AnalysisSummary& analysis, int width) {
    width = std::max(width, 20);
    int longest = columns_of(terminal_text(analysis.head));
    for (const auto& row : analysis.rows) longest = std::max(longest, columns_of(terminal_text(row.label)));
    const auto layout = [&](bool with_range) {
        std::vector<int> widths;
        int left = width - std::min(longest, std::max(least_row_label, width / 3));
        for (std::size_t c = 0; c < analysis.columns.size(); ++c) {
            const int own = width_of(analysis, c, with_range);
            if (own + column_gap > left) break;
            left -= own + column_gap;
            widths.push_back(own);
        }
        return widths;
    };
    // Leave out the intervals before leaving out columns.
    bool with_range = true;
    auto widths = layout(true);
    if (widths.size() < analysis.columns.size()) {
        with_range = false;
        widths = layout(false);
    }
    int label = width;
    for (const int w : widths) label -= w + column_gap;
    label = std::min(label, longest);

    std::string out = fit(terminal_text(analysis.title), width) + "\n";
    std::string line = padded_cell(fit(terminal_text(analysis.head), label), label, false);
    for (std::size_t c = 0; c < widths.size(); ++c)
        line += std::string(column_gap, ' ') +
                padded_cell(terminal_text(analysis.columns[c].label), widths[c], true);
    out += line + "\n";
    for (const auto& row : analysis.rows) {
        line = padded_cell(fit(terminal_text(row.label), label), label, false);
        for (std::size_t c = 0; c < widths.size(); ++c)
            line +=
                std::string(column_gap, ' ') +
                padded_cell(c < row.values.size() ? cell(row.values[c], with_range) : "-", widths[c], true);
        out += line + "\n";
    }
    return out;
}

}  // namespace tiller
