#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/analysis_charts.h"
#include "report/answers.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "tiller/report.h"

namespace tiller {
namespace {

using namespace report;

constexpr std::size_t sample_limit = 300, command_limit = 4000;

std::string row(const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const auto& cell : cells) out += fmt::format(" {} |", cell);
    return out + "\n";
}

/// Header and rule of a table. The first `left` columns are text, aligned left; the others are numbers.
std::string table_head(const std::vector<std::string>& cells, std::size_t left) {
    std::string rule = "|";
    for (std::size_t i = 0; i < cells.size(); ++i) rule += i < left ? "---|" : "--:|";
    return fmt::format("{}{}\n", row(cells), rule);
}

std::string cell(const SettingSummary& setting, const TaskSummary& task, const std::string& metric,
                 bool best) {
    const Interval* value = setting.metric(metric);
    if (!value) return "";
    std::string text = markdown(format_interval(*value));
    if (metric != task.primary) return text;
    if (best) return fmt::format("**{}**", text);
    return no_better_than_random(setting, task.primary) ? fmt::format("{} =", text) : text;
}

void add_matrix(std::string& out, const Summary& summary) {
    std::vector<std::string> ids, heads = {"task", "metric"};
    for (const auto& task : summary.tasks)
        for (const auto& setting : task.test)
            if (std::find(ids.begin(), ids.end(), setting.id) == ids.end()) {
                ids.push_back(setting.id);
                heads.push_back(markdown(short_name(setting)));
            }
    out +=
        "## All tasks\n\nMean of the task's primary metric with its 95 % interval. Bold: the best steering "
        "method, where it is shown to work. `=`: no better than the random directions.\n\n";
    out += table_head(heads, 2);
    for (const auto& task : summary.tasks) {
        const auto best = best_shown(summary, task);
        std::vector<std::string> cells = {markdown(task_title(summary, task)),
                                          markdown(metric_label(task.primary))};
        for (const auto& id : ids) {
            const SettingSummary* found = task.find(id);
            cells.push_back(found ? cell(*found, task, task.primary, best.contains(id)) : "");
        }
        out += row(cells);
    }
}

void add_examples(std::string& out, const TaskSummary& task) {
    if (task.examples.empty()) return;
    std::vector<std::string> heads = {"input", "wanted"};
    for (const auto& setting : task.test) heads.push_back(markdown(short_name(setting)));
    out += fmt::format("\nExamples:\n\n{}", table_head(heads, heads.size()));
    for (const auto& example : task.examples) {
        std::vector<std::string> cells = {markdown_sample(example.input, sample_limit),
                                          markdown_sample(example.target, sample_limit)};
        for (const auto& setting : task.test) {
            const auto found = example.outputs.find(setting.id);
            cells.push_back(found == example.outputs.end() ? ""
                                                           : markdown_sample(found->second, sample_limit));
        }
        out += row(cells);
    }
}

/// The table of a task's test settings; those in `best` are in bold.
void add_settings(std::string& out, const TaskSummary& task, const std::set<std::string>& best) {
    const auto metrics = metrics_of(task.test, task.primary);
    const bool conditions =
        std::any_of(task.test.begin(), task.test.end(),
                    [](const SettingSummary& setting) { return setting.difference.count("unsteered") != 0; });
    const std::vector<std::string> others =
        conditions ? std::vector<std::string>{"unsteered"} : std::vector<std::string>{"zero-shot", "random"};
    std::vector<std::string> heads = {"setting"};
    for (const auto& metric : metrics) heads.push_back(markdown(metric_label(metric)));
    for (const auto& other : others) heads.push_back("over " + other);
    heads.insert(heads.end(), {"items up / down", "n"});
    out += table_head(heads, 1);
    for (const auto& setting : task.test) {
        std::vector<std::string> cells = {markdown(setting.label)};
        for (const auto& metric : metrics)
            cells.push_back(cell(setting, task, metric, best.contains(setting.id)));
        for (const auto& other : others) {
            const auto found = setting.difference.find(other);
            cells.push_back(found == setting.difference.end() ? ""
                                                              : markdown(format_interval(found->second)));
        }
        cells.push_back(items_changed(setting));
        cells.push_back(fmt::format("{}", setting.n));
        out += row(cells);
    }
}

std::string number(const Interval& value) {
    if (std::isfinite(value.low) && std::isfinite(value.high)) return markdown(format_interval(value));
    return std::isfinite(value.mean) ? markdown(format_plain(value.mean)) : "";
}

void add_analyses(std::string& out, const std::vector<AnalysisSummary>& analyses) {
    for (const auto& analysis : analyses) {
        out += fmt::format("\n{}:\n\n", markdown(analysis.title));
        std::vector<std::string> heads = {markdown(analysis.head)};
        for (const auto& column : analysis.columns) heads.push_back(markdown(column.label));
        const bool remarks = has_remarks(analysis);
        if (remarks) heads.emplace_back("remark");
        out += table_head(heads, 1);
        for (const auto& line : analysis.rows) {
            std::vector<std::string> cells = {markdown(line.label)};
            for (const auto& value : line.values) cells.push_back(number(value));
            if (remarks) cells.push_back(markdown(line.remark));
            out += row(cells);
        }
        if (!analysis.note.empty()) out += fmt::format("\n{}\n", markdown(analysis.note));
    }
}

void add_task(std::string& out, const Summary& summary, const TaskSummary& task, const UseText& use) {
    out += fmt::format("\n### {}\n\n", markdown(task_title(summary, task)));
    if (!task.verdict.empty()) out += markdown(task.verdict) + "\n\n";
    const auto* best = use ? best_winner(task) : nullptr;
    if (best)
        out += fmt::format("{}: {}\n\n", use_lead(summary, task),
                           markdown_code(use(task, *best), command_limit));
    out += fmt::format("{}, seed {}; {} training, {} validation and {} test items; judged by {}.",
                       family_name(task.family), task.seed, task.n_train, task.n_valid, task.n_test,
                       markdown(metric_label(task.primary)));
    if (task.scorer_accuracy >= 0)
        out += fmt::format(" The style scorer is right on {} of {} held-out sentences.",
                           format_value(task.scorer_accuracy), task.scorer_count);
    out += "\n\n";
    add_settings(out, task, best_shown(summary, task));
    for (const auto& table : task.tables) {
        TaskSummary view = task;
        view.test = table.settings;
        view.primary = table.primary;
        out += fmt::format("\n{}:\n\n", markdown(table.title));
        add_settings(out, view, best_of(view));
    }
    if (!task.pairs.empty()) {
        out += "\n" +
               table_head({"first against second", "difference", "items up / down", "p", "p, adjusted"}, 1);
        for (const auto& pair : task.pairs)
            out += row({markdown(fmt::format("{} against {}", pair.a, pair.b)),
                        markdown(format_interval(pair.difference)),
                        fmt::format("{} / {}", pair.n_better, pair.n_worse), fmt::format("{:.2g}", pair.p),
                        fmt::format("{:.2g}", pair.p_holm)});
    }
    add_analyses(out, task.analyses);
    add_examples(out, task);
}

void add_costs(std::string& out, const std::vector<Cost>& costs) {
    if (costs.empty()) return;
    out += "\n## Cost\n\n";
    out += table_head({"model", "method", "phase", "seconds", "tokens", "decodes"}, 3);
    CostLine total;
    for (const auto& line : sum_costs(costs)) {
        out += row({markdown(line.model), markdown(line.method), markdown(line.phase),
                    fmt::format("{:.1f}", line.seconds), fmt::format("{}", line.n_token),
                    fmt::format("{}", line.n_decode)});
        total.seconds += line.seconds;
        total.n_token += line.n_token;
        total.n_decode += line.n_decode;
    }
    out += row({"all", "", "", fmt::format("{:.1f}", total.seconds), fmt::format("{}", total.n_token),
                fmt::format("{}", total.n_decode)});
}

void add_provenance(std::string& out, const Summary& summary) {
    const ProvenanceSummary& from = summary.provenance;
    out += "\n## Provenance\n\n";
    out +=
        table_head({"model", "architecture", "parameters", "layers", "width", "heads", "file", "SHA-256"}, 2);
    for (const auto& model : summary.models)
        out += row(
            {markdown(model.name),
             markdown(model.quantisation.empty() ? model.architecture
                                                 : model.architecture + ", " + model.quantisation),
             format_parameters(model.n_param), fmt::format("{}", model.n_layer),
             fmt::format("{}", model.n_embd), fmt::format("{}", model.n_head),
             fmt::format("{}, {}", markdown_sample(model.path, sample_limit), format_bytes(model.file_bytes)),
             markdown_sample(model.digest, sample_limit)});
    out += fmt::format("\n{}", table_head({"item", "value"}, 2));
    const auto line = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) out += row({markdown(name), markdown_sample(value, 4000)});
    };
    line("tiller", from.program_version);
    line("engine", from.engine_version);
    line("machine", from.machine);
    line("command", from.command);
    line("plan, SHA-256", from.plan_digest);
    for (const auto& [task, digest] : from.task_digests) line(fmt::format("task {}, SHA-256", task), digest);
    for (const auto& [name, file] : from.vector_files) line(fmt::format("vector {}", name), file);
}

}  // namespace

std::string report_markdown(const Summary& summary, const std::vector<Cost>& costs, const UseText& use) {
    std::string out = fmt::format("# {}\n\n", markdown(report_title(summary)));
    if (!summary.question.empty()) out += markdown(summary.question) + "\n\n";
    if (!summary.findings.empty()) out += "## Findings\n\n";
    for (const auto& finding : summary.findings) out += fmt::format("- {}\n", markdown(finding));
    if (!summary.findings.empty()) out += "\n";
    if (!summary.tasks.empty()) {
        add_matrix(out, summary);
        add_analyses(out, summary.analyses);
        out += "\n## Task by task\n";
        for (const auto& task : summary.tasks) add_task(out, summary, task, use);
    }
    add_costs(out, costs);
    if (!summary.notes.empty()) out += "\n## How it was done\n\n";
    for (const auto& note : summary.notes) out += fmt::format("- {}\n", markdown(note));
    add_provenance(out, summary);
    return out;
}

}  // namespace tiller
