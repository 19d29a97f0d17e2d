#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

constexpr int gap = 2;           // blanks between columns
constexpr int least_label = 12;  // the primary metric loses its interval before labels get narrower than this
constexpr int good_label = 40;   // further metrics are left out before labels get narrower than this

struct Column {
    std::string head;
    std::vector<std::string> cells;
    int width = 0;

    void measure() {
        width = columns_of(head);
        for (const auto& cell : cells) width = std::max(width, columns_of(cell));
    }
};

Column metric_column(const TaskSummary& task, const std::string& metric, bool with_range) {
    Column column{terminal_text(metric_label(metric)), {}};
    for (const auto& setting : task.test) {
        const Interval* value = setting.metric(metric);
        column.cells.push_back(!value       ? "-"
                               : with_range ? format_interval(*value)
                                            : format_value(value->mean));
    }
    column.measure();
    return column;
}

/// The metric columns that fit beside labels of at least `least_label` columns: as many as possible, all with
/// intervals. When not even the primary metric fits, it comes without its interval.
std::vector<Column> choose_columns(const TaskSummary& task, int width, int longest_label) {
    std::vector<Column> chosen;
    int left = width - 2 - least_label;  // 2 for the mark of the best method
    const int reserved = std::max(std::min(longest_label, good_label) - least_label, 0);
    for (const auto& metric : metrics_of(task.test, task.primary)) {
        Column column = metric_column(task, metric, true);
        if (column.width + gap > left && chosen.empty()) column = metric_column(task, metric, false);
        if (column.width + gap > left - (chosen.empty() ? 0 : reserved)) break;
        left -= column.width + gap;
        chosen.push_back(std::move(column));
    }
    return chosen;
}

std::string padded(const std::string& text, int width, bool right) {
    const std::string blanks(static_cast<std::size_t>(std::max(width - columns_of(text), 0)), ' ');
    return right ? blanks + text : text + blanks;
}

std::string painted(const std::string& text, const char* escape, bool colour) {
    return colour ? fmt::format("\x1b[{}m{}\x1b[0m", escape, text) : text;
}

/// The text in lines of at most `width` columns, broken at blanks; a word that is longer is cut.
std::string wrapped(const std::string& text, int width) {
    std::string out, line;
    const auto flush = [&] {
        if (!line.empty()) out += line + "\n";
        line.clear();
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = fit(text.substr(at, end - at), width);
        at = end + 1;
        if (word.empty()) continue;
        if (!line.empty() && columns_of(line) + 1 + columns_of(word) > width) flush();
        line += (line.empty() ? "" : " ") + word;
    }
    flush();
    return out;
}

}  // namespace

std::string terminal_verdicts(const Summary& summary, int width, const UseText& use) {
    std::string out;
    for (const auto& task : summary.tasks) {
        out += wrapped(terminal_text(task_title(summary, task) + ": " + task.verdict), std::max(width, 20));
        const auto* winner = use ? best_winner(task) : nullptr;
        // The remark is also a comment for the shell, so that the whole line can be pasted.
        if (winner)
            out += fmt::format("  {}{}\n", terminal_text(use(task, *winner)),
                               winner->shown ? "" : "  # not shown to work");
    }
    out += "\n";
    for (const auto& finding : summary.findings) out += wrapped(terminal_text(finding), std::max(width, 20));
    return out;
}

std::string terminal_table(const TaskSummary& task, int width, bool colour) {
    width = std::max(width, 20);
    const std::string title =
        terminal_text(fmt::format("{}  ({}, {}, {} test items, seed {})", task.name, family_name(task.family),
                                  task.model, task.n_test, task.seed));
    std::string out = painted(fit(title, width), "1", colour) + "\n";
    out += wrapped(terminal_text(task.verdict), width);
    if (task.test.empty()) return out;

    int label_width = columns_of("setting");
    for (const auto& setting : task.test)
        label_width = std::max(label_width, columns_of(terminal_text(setting.label)));
    const std::vector<Column> columns = choose_columns(task, width, label_width);
    int left = width - 2;
    for (const auto& column : columns) left -= gap + column.width;
    label_width = std::min(label_width, left);

    std::string head = "  " + padded(fit("setting", label_width), label_width, false);
    for (const auto& column : columns)
        head += std::string(gap, ' ') + padded(column.head, column.width, true);
    out += painted(head, "4", colour) + "\n";

    const auto best = best_of(task);
    for (std::size_t i = 0; i < task.test.size(); ++i) {
        const SettingSummary& setting = task.test[i];
        const bool is_best = best.contains(setting.id);
        std::string line = (is_best ? "* " : "  ") +
                           padded(fit(terminal_text(setting.label), label_width), label_width, false);
        for (const auto& column : columns)
            line += std::string(gap, ' ') + padded(column.cells[i], column.width, true);
        const char* paint = is_best ? "1;32" : no_better_than_random(setting, task.primary) ? "2" : nullptr;
        out += (paint ? painted(line, paint, colour) : line) + "\n";
    }
    if (!best.empty())
        out += wrapped("* the best steered setting" + std::string(best.size() > 1 ? "s, equal" : "") +
                           " by " + terminal_text(metric_label(task.primary)),
                       width);
    return out;
}

}  // namespace tiller
