#include <fmt/format.h>

#include <cmath>

#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

std::string csv_number(double value) { return std::isfinite(value) ? format_exact(value) : ""; }

std::string columns_of_task(const TaskSummary& task) {
    return fmt::format("{},{},{},{}", csv_text(task.model), csv_text(task.name), family_name(task.family),
                       task.seed);
}

// A line for each number of the tables. The analysis' id is in the column "phase", the row's label in
// "setting", the column's label in "metric".
void add_analyses(std::string& out, const std::string& task, const std::vector<AnalysisSummary>& analyses) {
    for (const auto& analysis : analyses)
        for (const auto& line : analysis.rows)
            for (std::size_t i = 0; i < line.values.size() && i < analysis.columns.size(); ++i)
                out += fmt::format("{},{},{},,analysis,,{},,{},{},{},\n", task, csv_text(analysis.id),
                                   csv_text(line.label), csv_text(analysis.columns[i].label),
                                   csv_number(line.values[i].mean), csv_number(line.values[i].low),
                                   csv_number(line.values[i].high));
}

void add_rows(std::string& out, const TaskSummary& task, const std::string& phase,
              const SettingSummary& setting, const std::string& primary) {
    const std::string head = fmt::format(
        "{},{},{},{},{},{}", columns_of_task(task), csv_text(phase), csv_text(setting.id),
        csv_text(setting.method), csv_text(kind_text(setting)), csv_text(format_setting(setting.setting)));
    const auto row = [&](const std::string& metric, const std::string& versus, const Interval& value) {
        out += fmt::format("{},{},{},{},{},{},{}\n", head, csv_text(metric), csv_text(versus),
                           format_exact(value.mean), format_exact(value.low), format_exact(value.high),
                           setting.n);
    };
    for (const std::string& metric : metrics_of({setting}, primary))
        row(metric, "", setting.metrics.at(metric));
    for (const auto& [other, value] : setting.difference) row(primary, other, value);
}

}  // namespace

std::string report_csv(const Summary& summary) {
    std::string out =
        "model,task,family,seed,phase,setting,method,kind,parameters,metric,versus,mean,low,high,n\n";
    for (const TaskSummary& task : summary.tasks) {
        for (const auto& setting : task.test) add_rows(out, task, "test", setting, task.primary);
        for (const auto& table : task.tables)
            for (const auto& setting : table.settings) add_rows(out, task, table.id, setting, table.primary);
        for (const auto& setting : task.grid) add_rows(out, task, "grid", setting, task.primary);
        add_analyses(out, columns_of_task(task), task.analyses);
    }
    add_analyses(out, ",all,,0", summary.analyses);
    return out;
}

}  // namespace tiller
