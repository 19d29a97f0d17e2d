#include "report/answers.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <utility>

#include "report/judge.h"
#include "scoring/metrics.h"

namespace tiller::report {
namespace {

// The first of these columns that has a number: the ids of columns changed between versions.
Interval number_at(const AnalysisSummary& table, const AnalysisRow& row,
                   std::initializer_list<const char*> columns) {
    for (const char* column : columns)
        if (const Interval value = table.at(row, column); std::isfinite(value.mean)) return value;
    return no_number();
}

std::string about(const AnalysisRow& row, const std::string& name) {
    const auto found = row.about.find(name);
    return found == row.about.end() ? "" : found->second;
}

// Indices of the tasks that a row of this id is about: the id is the task's name, after the model's name when
// there are several models.
std::vector<std::size_t> tasks_called(const Summary& summary, const std::string& name) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < summary.tasks.size(); ++i) {
        const auto& task = summary.tasks[i];
        if (name == (summary.models.size() > 1 ? task.model + ", " + task.name : task.name)) out.push_back(i);
    }
    return out;
}

Answer answer_of(const Summary& summary, const AnalysisSummary& table, const AnalysisRow& row) {
    Answer out;
    out.name = row.id;
    out.tasks = tasks_called(summary, row.id);
    out.method = about(row, "method");
    out.score = number_at(table, row, {"score"});
    out.over_zero_shot = number_at(table, row, {"over_zero_shot"});
    out.over_control = number_at(table, row, {"over_control", "over_random"});
    out.broken = number_at(table, row, {"broken", "collapsed"}).mean;
    out.perplexity = number_at(table, row, {"perplexity"}).mean;
    out.remark = row.remark;
    const std::string said = about(row, "shown");
    const bool numbers_show =
        out.over_zero_shot.low > 0 && (!std::isfinite(out.over_control.mean) || out.over_control.low > 0);
    out.shown = !out.method.empty() && (said.empty() ? numbers_show : said == "yes");
    return out;
}

// The answer for `task`, an element of summary.tasks; empty when no row is about it.
std::optional<Answer> answer_for(const Summary& summary, const TaskSummary& task) {
    for (auto& answer : answers_of(summary))
        for (const std::size_t place : answer.tasks)
            if (&summary.tasks[place] == &task) return std::move(answer);
    return std::nullopt;
}

}  // namespace

std::vector<Answer> answers_of(const Summary& summary) {
    const AnalysisSummary* table = summary.analysis(kAnswers);
    if (!table) return {};
    std::vector<Answer> out;
    for (const auto& row : table->rows) {
        if (row.id.empty()) return {};
        out.push_back(answer_of(summary, *table, row));
    }
    return out;
}

Interval score_of(const Summary& summary, const Answer& answer, const std::string& setting) {
    if (answer.tasks.size() > 1)
        if (const auto* table = summary.analysis("seeds"))
            if (const Interval mean = table->at(answer.name + " " + setting, "mean");
                std::isfinite(mean.mean))
                return mean;
    double sum = 0;
    int n = 0;
    Interval last = no_number();
    for (const std::size_t place : answer.tasks)
        if (const auto* s = summary.tasks[place].find(setting))
            if (const Interval* value = s->metric(summary.tasks[place].primary)) {
                last = *value;
                sum += value->mean;
                ++n;
            }
    return n > 1 ? plain_number(sum / n) : last;
}

std::string few_shot_id(const TaskSummary& task) {
    for (const auto& setting : task.test) {
        const auto dash = setting.id.find("-shot");
        if (setting.kind == Kind::baseline && dash != std::string::npos && dash > 0 &&
            dash + 5 == setting.id.size() && setting.id.find_first_not_of("0123456789") == dash)
            return setting.id;
    }
    return "";
}

std::string use_lead(const Summary& summary, const TaskSummary& task) {
    const auto answer = answer_for(summary, task);
    return answer && !answer->shown ? "Not shown to work; to try it" : "Use it";
}

std::set<std::string> best_shown(const Summary& summary, const TaskSummary& task) {
    const auto answer = answer_for(summary, task);
    if (!answer) return best_of(task);
    std::set<std::string> out;
    for (const auto& setting : task.test) {
        const Interval* value = setting.metric(task.primary);
        if (answer->shown && setting.kind == Kind::chosen && setting.method == answer->method && value &&
            (answer->tasks.size() == 1 ? value->mean > 0 || !is_share(task.primary)
                                       : is_shown(task, setting)))
            out.insert(setting.id);
    }
    return out;
}

}  // namespace tiller::report
