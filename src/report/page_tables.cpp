// The further tables of a task: strengths, natural text, edit layers.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

double shots_of(const SettingSummary& setting) {
    const auto found = setting.setting.find("shots");
    return found == setting.setting.end() ? 0 : found->second;
}

// The settings with the fewest demonstrations, which the charts show; the table has all.
std::vector<SettingSummary> fewest_shots(const TableSummary& table) {
    double fewest = std::numeric_limits<double>::infinity();
    for (const auto& setting : table.settings) fewest = std::min(fewest, shots_of(setting));
    std::vector<SettingSummary> out;
    for (const auto& setting : table.settings)
        if (shots_of(setting) == fewest) out.push_back(setting);
    return out;
}

std::string strength_figures(const TaskSummary& task, const TableSummary& table, const Palette& palette) {
    TaskSummary view = task;
    view.primary = table.primary;
    view.grid = fewest_shots(table);
    std::string charts;
    for (const char* metric : {table.primary.c_str(), "collapsed"})
        if (const auto points = grid_points(view, "icv", metric);
            !points.empty() && !strength_of(points).empty())
            charts += figure(strength_chart(view, "icv", metric, palette));
    return charts;
}

// A chart with a row for each set of edit layers (SettingSummary::layers).
std::string layer_figure(const Summary& summary, const TaskSummary& task, const TableSummary& table,
                         const Palette& palette) {
    std::vector<TaskSummary> rows;
    for (const auto& setting : fewest_shots(table)) {
        if (rows.empty() || rows.back().name != setting.layers) {
            rows.emplace_back();
            rows.back().name = setting.layers;
            rows.back().model = task.model;
            rows.back().primary = table.primary;
        }
        rows.back().test.push_back(setting);
        // An id without the layers, so that equal settings have the same mark in all rows.
        auto without_layers = setting.setting;
        without_layers.erase("layer_begin");
        without_layers.erase("layer_end");
        rows.back().test.back().id = setting.method + " " + format_setting(without_layers);
    }
    std::vector<const TaskSummary*> pointers;
    for (const auto& row : rows) pointers.push_back(&row);
    if (pointers.empty()) return "";
    Chart chart = overview_chart(summary, pointers, palette);
    chart.name = task.name + "-layers";
    return figure(chart);
}

}  // namespace

std::string further_tables(const Summary& summary, const TaskSummary& task, const Palette& palette) {
    std::string out;
    for (const auto& table : task.tables) {
        out += fmt::format("<h4>{}</h4>", html(table.title));
        if (table.id == "strength") out += strength_figures(task, table, palette);
        if (table.id == "layers") out += layer_figure(summary, task, table, palette);
        TaskSummary view = task;
        view.test = table.settings;
        view.primary = table.primary;
        out += fmt::format(R"(<details class="more"><summary>All {} conditions</summary>{}</details>)",
                           table.settings.size(),
                           metrics_table(view, palette, best_of(view), task.name + ": " + table.title));
    }
    if (!out.empty())
        out +=
            "<p class=\"quiet\">Test items. \"over unsteered\": paired difference to the unsteered run of "
            "the same prompts. Charts show prompts without demonstrations.</p>";
    return out;
}

}  // namespace tiller::report
