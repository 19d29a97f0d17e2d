#include <fmt/format.h>

#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

void add_rows(std::string& out, const TaskSummary& task, const std::string& phase,
              const SettingSummary& setting, const std::string& primary) {
    const std::string head = fmt::format("{},{},{},{},{},{},{},{},{}", csv_text(task.model),
                                         csv_text(task.name), csv_text(task.family), task.seed,
                                         csv_text(phase), csv_text(setting.id), csv_text(setting.method),
                                         csv_text(setting.kind), csv_text(format_setting(setting.setting)));
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
    }
    return out;
}

}  // namespace tiller
