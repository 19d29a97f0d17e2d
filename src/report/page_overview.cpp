#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "report/answers.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

/// One setting for each id, of all tasks, in the order in which the ids first appear.
std::vector<const SettingSummary*> all_settings(const Summary& summary) {
    std::vector<const SettingSummary*> settings;
    for (const auto& task : summary.tasks)
        for (const auto& setting : task.test)
            if (std::none_of(settings.begin(), settings.end(),
                             [&](const SettingSummary* known) { return known->id == setting.id; }))
                settings.push_back(&setting);
    return settings;
}

std::vector<const TaskSummary*> pointers_to(const std::vector<TaskSummary>& tasks) {
    std::vector<const TaskSummary*> out;
    for (const auto& task : tasks) out.push_back(&task);
    return out;
}

bool has_answers(const Summary& summary) { return summary.analysis(kAnswers) != nullptr; }

/// The legend of the overview chart of these tasks.
std::string legend(const std::vector<const SettingSummary*>& settings,
                   const std::vector<const TaskSummary*>& tasks, const Palette& palette) {
    std::string out = R"(<p class="legend">)";
    for (const auto* setting : settings)
        if (in_overview(tasks, *setting) &&
            std::any_of(tasks.begin(), tasks.end(), [&](const TaskSummary* task) {
                return std::any_of(task->test.begin(), task->test.end(),
                                   [&](const SettingSummary& other) { return other.id == setting->id; });
            }))
            out += fmt::format("<span>{}{}</span> ", palette.sign(*setting), html(short_name(*setting)));
    return out + "</p>";
}

}  // namespace

std::string title_section(const Summary& summary) {
    const bool answered = has_answers(summary);
    return page_header(answered ? "" : "findings", report_title(summary), summary.question,
                       answered ? std::vector<std::string>{} : summary.findings);
}

std::string findings_section(const Summary& summary) {
    if (!has_answers(summary) || summary.findings.empty()) return "";
    std::string out = R"(<section id="findings"><h2>Findings</h2>)";
    for (const auto& finding : summary.findings)
        out += fmt::format(R"(<p class="finding">{}</p>)", html(finding));
    return out + "</section>";
}

std::string overview_section(const Summary& summary, const Palette& palette) {
    // Tasks share a chart when they have the same model, the same kind and the same primary metric.
    std::map<std::tuple<std::string, bool, std::string>, std::vector<const TaskSummary*>> groups;
    for (const auto& task : summary.tasks)
        if (!task.test.empty()) groups[{task.model, task.behavioural(), task.primary}].push_back(&task);
    if (groups.empty()) return "";
    const auto settings = all_settings(summary);
    std::string out =
        R"(<noscript><p class="quiet">The charts need scripts; every number in them is in the tables )"
        R"(below.</p></noscript><div class="pair">)";
    for (const auto& [key, tasks] : groups) {
        const auto& [model, behavioural, metric] = key;
        Chart chart = overview_chart(summary, tasks, palette);
        chart.name = fmt::format("overview-{}-{}", model, metric);
        out += fmt::format(R"(<div class="whole"><h3>{}{}: {}</h3>{}{}</div>)",
                           behavioural ? "Behavioural" : "Functional and extractive",
                           summary.models.size() > 1 ? ", " + html(model) : "", html(metric_label(metric)),
                           legend(settings, tasks, palette), figure(chart));
    }
    const bool chosen = std::any_of(settings.begin(), settings.end(), [](const SettingSummary* setting) {
        return setting->kind == Kind::chosen;
    });
    out +=
        "</div><p class=\"quiet\">Points are means over test items, lines their 95 % bootstrap intervals." +
        std::string(chosen ? " Hollow: the paper's setting; filled: the setting chosen on validation items."
                           : "") +
        "</p>";
    // The table of answers shows most of this already and the charts are long, so that they are folded.
    if (has_answers(summary))
        out = fmt::format(R"(<details class="more"><summary>Charts of all settings</summary>{}</details>)",
                          out);
    return fmt::format(R"(<section id="overview"><h2>Overview</h2>{}</section>)", out);
}

std::string matrix_section(const Summary& summary, const Palette& palette) {
    auto settings = all_settings(summary);
    if (settings.empty()) return "";
    std::stable_partition(settings.begin(), settings.end(),
                          [](const SettingSummary* setting) { return setting->kind == Kind::baseline; });
    const std::size_t n_all = settings.size();
    // Leave out columns that would push the more important ones off the page.
    std::erase_if(settings, [&](const SettingSummary* setting) {
        return !in_overview(pointers_to(summary.tasks), *setting) ||
               (has_answers(summary) && (setting->kind == Kind::paper || setting->kind == Kind::control));
    });
    std::string table =
        R"(<table class="matrix"><thead><tr><th scope="col">task</th><th scope="col">judged by</th>)";
    for (const auto* setting : settings)
        table += fmt::format(R"(<th class="num" scope="col">{}{}</th>)", palette.sign(*setting),
                             html(short_name(*setting)));
    table += "</tr></thead><tbody>";
    for (std::size_t i = 0; i < summary.tasks.size(); ++i) {
        const TaskSummary& task = summary.tasks[i];
        if (summary.models.size() > 1 && (i == 0 || summary.tasks[i - 1].model != task.model))
            table += fmt::format(R"(<tr class="group"><th colspan="{}" scope="rowgroup">{}</th></tr>)",
                                 settings.size() + 2, html(task.model));
        table += fmt::format(R"(<tr><th scope="row"><a href="#{}">{}</a></th><td class="quiet">{}</td>)",
                             task_anchor(i), html(row_name(summary, task)), html(metric_label(task.primary)));
        const auto best = best_shown(summary, task);
        for (const auto* column : settings) {
            const SettingSummary* found = task.find(column->id);
            const std::string classes = !found                                        ? ""
                                        : best.contains(found->id)                    ? "best"
                                        : no_better_than_random(*found, task.primary) ? "null"
                                                                                      : "";
            table += interval_cell(
                found ? found->metric(task.primary) : nullptr,
                found && best.contains(found->id) && no_better_than_random(*found, task.primary) ? "best null"
                                                                                                 : classes);
        }
        table += "</tr>";
    }
    return R"(<section id="tasks"><h2>All tasks</h2>)" + scrolled("All tasks", table + "</tbody></table>") +
           "<p class=\"quiet\">Mean of each task's own metric with its 95 % interval. <b>Bold</b>: the best "
           "steering method of the task, where it is shown to work. <span class=\"null\">Grey</span>: not "
           "better than the random directions (the interval of the paired difference reaches zero)." +
           (settings.size() < n_all
                ? " The paper's settings and the random controls are in each task's table."
                : "") +
           "</p></section>";
}

}  // namespace tiller::report
