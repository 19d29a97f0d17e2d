#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <set>

#include "core/names.h"
#include "report/answers.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

std::string facts(const TaskSummary& task) {
    std::string out =
        fmt::format("{} \u00b7 seed {} \u00b7 {} training, {} validation, {} test items \u00b7 judged by {}",
                    family_name(task.family), task.seed, task.n_train, task.n_valid, task.n_test,
                    html(metric_label(task.primary)));
    if (task.scorer_accuracy >= 0)
        out += fmt::format(" \u00b7 style scorer right on {:.0f} % of {} held-out sentences",
                           100 * task.scorer_accuracy, task.scorer_count);
    return out;
}

/// The command that uses the best vector, after the words `lead`, and the vector files of all methods.
std::string use_part(const TaskSummary& task, const UseText& use, const std::string& lead) {
    if (task.winners.empty()) return "";
    std::string out;
    if (const auto* best = best_winner(task))
        out += fmt::format(R"(<p class="use">{}: {}</p>)", lead,
                           command_line(use(task, *best), "for " + task.name));
    std::string files;
    for (const auto& winner : task.winners)
        files += fmt::format("{}{}: <code>{}</code>{}", files.empty() ? "" : "; ",
                             html(method_title(winner.method)), html(winner.file),
                             winner.shown ? "" : " (not shown to work)");
    return out + fmt::format(R"(<p class="quiet">Chosen vectors, in the run folder: {}.</p>)", files);
}

std::string heads_part(const TaskSummary& task) {
    if (task.aie.empty() && task.top_heads.empty()) return "";
    std::string out = "<h4>Heads that carry the task</h4>";
    if (!task.aie.empty()) out += figure(head_chart(task));
    if (task.top_heads.empty()) return out;
    std::string table =
        R"(<table class="narrow"><thead><tr><th class="num" scope="col">rank</th><th class="num" scope="col">layer</th>)"
        R"(<th class="num" scope="col">head</th><th class="num" scope="col">AIE</th></tr></thead><tbody>)";
    for (std::size_t i = 0; i < task.top_heads.size(); ++i)
        table += fmt::format(
            R"(<tr><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td></tr>)",
            i + 1, task.top_heads[i].layer, task.top_heads[i].head,
            std::isfinite(task.top_heads[i].aie) ? fmt::format("{:.4f}", task.top_heads[i].aie) : "n/a");
    return out + fmt::format(R"(<details class="more"><summary>The {} strongest heads</summary>{}</details>)",
                             task.top_heads.size(),
                             captioned(task.name + ": strongest heads", table + "</tbody></table>"));
}

/// A row of charts for each method: effect against strength, and damage as well for behavioural tasks.
std::string strength_part(const TaskSummary& task, const Palette& palette) {
    std::vector<std::string> methods;
    for (const auto& setting : task.grid)
        if (std::find(methods.begin(), methods.end(), setting.method) == methods.end())
            methods.push_back(setting.method);
    std::string out;
    for (const auto& method : methods) {
        std::vector<std::string> metrics = {task.primary};
        if (task.behavioural()) metrics.insert(metrics.end(), {"collapsed", "perplexity"});
        std::string charts;
        bool by_layer = false;
        int panels = 0;
        for (const auto& metric : metrics) {
            const auto points = grid_points(task, method, metric);
            const std::string strength = strength_of(points);
            if (strength.empty()) continue;
            by_layer = strength == "layer";
            const Chart chart = strength_chart(task, method, metric, palette);
            charts += fmt::format("<div>{}</div>", figure(chart));
            panels = std::max(panels, chart.panels);
        }
        if (charts.empty()) continue;
        out +=
            fmt::format(R"(<h4>{}: {} against {}</h4><div class="{}">{}</div>)", html(method_title(method)),
                        by_layer ? "layer" : "strength", task.behavioural() ? "effect and damage" : "effect",
                        panels > 1 ? "stack" : "triple", charts);
    }
    if (out.empty()) return "";
    if (task.behavioural() && !grid_points(task, methods.front(), "perplexity").empty())
        out += fmt::format(R"(<h4>Effect against fluency</h4><div class="half">{}</div>)",
                           figure(trade_off_chart(task, palette)));
    return out +
           "<p class=\"quiet\">Validation items. Ringed: the chosen setting. Bands: 95 % intervals.</p>";
}

}  // namespace

std::string metrics_table(const TaskSummary& task, const Palette& palette, const std::set<std::string>& best,
                          const std::string& name) {
    const auto metrics = metrics_of(task.test, task.primary);
    std::set<std::string, std::greater<>> others;  // zero-shot before random
    for (const auto& setting : task.test)
        for (const auto& [other, value] : setting.difference) others.insert(other);
    std::string table = R"(<table class="metrics"><thead><tr><th scope="col">setting</th>)";
    // The differences follow the primary metric directly, because columns on the right may be out of sight.
    const auto is_primary = [&](const std::string& metric) { return metric == task.primary; };
    for (const auto& metric : metrics) {
        table += metric_head(metric);
        if (!is_primary(metric)) continue;
        for (const auto& other : others)
            table += fmt::format(
                R"(<th class="num" scope="col" title="Paired difference of {} to this setting">over {}</th>)",
                html(metric_label(task.primary)), html(other));
    }
    table +=
        R"(<th class="num" scope="col" title="Items that score higher and lower than without steering">items up / down</th>)"
        R"(<th class="num" scope="col">n</th></tr></thead><tbody>)";
    for (const auto& setting : task.test) {
        const bool is_best = best.contains(setting.id), null = no_better_than_random(setting, task.primary);
        table += fmt::format(R"(<tr><th scope="row">{}{}</th>)", palette.sign(setting),
                             html(setting.label.empty() ? setting.id : setting.label));
        for (const auto& metric : metrics) {
            table += interval_cell(
                setting.metric(metric),
                is_primary(metric) ? fmt::format("{}{}", is_best ? "best " : "", null ? "null" : "") : "");
            if (!is_primary(metric)) continue;
            for (const auto& other : others) {
                const auto found = setting.difference.find(other);
                table += interval_cell(found == setting.difference.end() ? nullptr : &found->second,
                                       null && other == "random" ? "null" : "");
            }
        }
        table += fmt::format(R"(<td class="num">{}</td><td class="num">{}</td></tr>)", items_changed(setting),
                             setting.n);
    }
    return scrolled(name, table + "</tbody></table>");
}

std::string pairs_table(const TaskSummary& task) {
    if (task.pairs.empty()) return "";
    std::string table =
        R"(<table class="metrics"><thead><tr><th scope="col">first against second</th>)"
        R"(<th class="num" scope="col">difference</th><th class="num" scope="col">items up / down</th>)"
        R"(<th class="num" scope="col">p</th>)"
        R"(<th class="num" scope="col" title="Holm, over all pairs of this run">p, adjusted</th></tr></thead><tbody>)";
    for (const auto& pair : task.pairs)
        table += fmt::format(
            R"(<tr><th scope="row">{} against {}</th>{}<td class="num">{} / {}</td><td class="num">{:.2g}</td><td class="num">{:.2g}</td></tr>)",
            html(pair.a), html(pair.b), interval_cell(&pair.difference, ""), pair.n_better, pair.n_worse,
            pair.p, pair.p_holm);
    return "<h4>Settings item by item</h4>" +
           scrolled(task.name + ": settings item by item", table + "</tbody></table>");
}

std::string grid_table(const TaskSummary& task) {
    if (task.grid.empty()) return "";
    const auto metrics = metrics_of(task.grid, task.primary);
    std::string table = R"(<table class="grid"><thead><tr><th scope="col">setting</th>)";
    for (const auto& metric : metrics) table += metric_head(metric);
    table += R"(<th class="num" scope="col">n</th></tr></thead><tbody>)";
    for (const auto& setting : task.grid) {
        // Cells without classes keep the file small: there are many, and the style sheet aligns this table.
        table += fmt::format("<tr><th scope=row>{}</th>", html(setting.id));
        for (const auto& metric : metrics) {
            const Interval* value = setting.metric(metric);
            const std::string range = value && metric == task.primary
                                          ? fmt::format(" <small>{}</small>", format_range(*value))
                                          : "";
            table += fmt::format("<td>{}{}</td>", value ? format_value(value->mean) : "", range);
        }
        table += fmt::format("<td>{}</td></tr>", setting.n);
    }
    return fmt::format(R"(<details class="more"><summary>All {} validation points</summary>{}</details>)",
                       task.grid.size(),
                       scrolled(task.name + ": validation points", table + "</tbody></table>"));
}

std::string task_section(const Summary& summary, std::size_t index, const Palette& palette, bool open,
                         const UseText& use) {
    const TaskSummary& task = summary.tasks[index];
    std::string out = fmt::format(
        R"(<details class="task" id="{}"{}><summary><h3>{}</h3><span class="verdict">{}</span></summary><p class="quiet">{}</p>)",
        task_anchor(index), open ? " open" : "", html(task_title(summary, task)), html(task.verdict),
        facts(task));
    const std::string name = task_title(summary, task);
    if (use) out += use_part(task, use, use_lead(summary, task));
    if (!task.test.empty())
        out += metrics_table(task, palette, best_shown(summary, task), name + ": all settings") +
               pairs_table(task);
    out += further_tables(summary, task, palette) + analyses_part(task.analyses, name);
    out += strength_part(task, palette);
    out += grid_table(task);
    out += heads_part(task);
    out += examples_table(task, palette);
    return out + "</details>";
}

}  // namespace tiller::report
