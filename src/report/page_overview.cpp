#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

/// Settings of all tasks by id, in the order in which they first appear.
std::vector<const SettingSummary*> all_settings(const Summary& summary) {
    std::vector<const SettingSummary*> settings;
    for (const auto& task : summary.tasks)
        for (const auto& setting : task.test)
            if (std::none_of(settings.begin(), settings.end(),
                             [&](const SettingSummary* known) { return known->id == setting.id; }))
                settings.push_back(&setting);
    return settings;
}

std::string legend(const Summary& summary, const Palette& palette) {
    std::vector<const TaskSummary*> tasks;
    for (const auto& task : summary.tasks) tasks.push_back(&task);
    std::string out = R"(<p class="legend">)";
    for (const auto* setting : all_settings(summary))
        if (in_overview(tasks, *setting))
            out += fmt::format("<span>{}{}</span> ", palette.sign(*setting), html(short_name(*setting)));
    return out + "</p>";
}

}  // namespace

std::string findings_section(const Summary& summary) {
    return page_header(summary.title, summary.question, summary.findings);
}

std::string overview_section(const Summary& summary, const Palette& palette) {
    // Tasks share a chart when they share a model, a kind and the metric that they are judged by.
    std::map<std::tuple<std::string, bool, std::string>, std::vector<const TaskSummary*>> groups;
    for (const auto& task : summary.tasks)
        if (!task.test.empty()) groups[{task.model, task.behavioural(), task.primary}].push_back(&task);
    if (groups.empty()) return "";
    std::string out = fmt::format(
        R"(<section id="overview"><h2>Overview</h2>{}<noscript><p class="quiet">The charts need scripts; )"
        R"(every number in them is in the tables below.</p></noscript><div class="pair">)",
        legend(summary, palette));
    for (const auto& [key, tasks] : groups) {
        const auto& [model, behavioural, metric] = key;
        Chart chart = overview_chart(summary, tasks, palette);
        chart.name = fmt::format("overview-{}-{}", model, metric);
        out += fmt::format(
            "<div><h3>{}{}: {}</h3>{}</div>", behavioural ? "Behavioural" : "Functional and extractive",
            summary.models.size() > 1 ? ", " + html(model) : "", html(metric_label(metric)), figure(chart));
    }
    const auto settings = all_settings(summary);
    const bool chosen = std::any_of(settings.begin(), settings.end(), [](const SettingSummary* setting) {
        return setting->kind == Kind::chosen;
    });
    return out +
           "</div><p class=\"quiet\">Points are means over test items, lines their 95 % bootstrap "
           "intervals." +
           (chosen ? " Hollow: the paper's setting; filled: the setting chosen on validation items." : "") +
           "</p></section>";
}

std::string matrix_section(const Summary& summary, const Palette& palette) {
    const auto settings = all_settings(summary);
    if (settings.empty()) return "";
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
        const auto best = best_of(task);
        for (const auto* column : settings) {
            const auto found =
                std::find_if(task.test.begin(), task.test.end(),
                             [&](const SettingSummary& setting) { return setting.id == column->id; });
            const bool there = found != task.test.end();
            const std::string classes = !there                                        ? ""
                                        : best.contains(found->id)                    ? "best"
                                        : no_better_than_random(*found, task.primary) ? "null"
                                                                                      : "";
            table += interval_cell(
                there ? metric_of(*found, task.primary) : nullptr,
                there && best.contains(found->id) && no_better_than_random(*found, task.primary) ? "best null"
                                                                                                 : classes);
        }
        table += "</tr>";
    }
    return R"(<section id="tasks"><h2>All tasks</h2>)" + scrolled(table + "</tbody></table>") +
           "<p class=\"quiet\">Mean of each task's own metric with its 95 % interval. <b>Bold</b>: the best "
           "steering method of the task. <span class=\"null\">Grey</span>: not better than random directions "
           "of the same size (the interval of the paired difference reaches zero).</p></section>";
}

}  // namespace tiller::report
