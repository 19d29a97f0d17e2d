// The sections "Cost", "How it was done" and "Provenance".
#include <fmt/format.h>

#include <set>

#include "core/names.h"
#include "report/escape.h"
#include "report/judge.h"
#include "report/numbers.h"
#include "report/page.h"

namespace tiller::report {
namespace {

std::string cost_row(const std::string& head, const std::string& phase, const CostLine& line, bool sum) {
    const double rate = line.seconds > 0 ? static_cast<double>(line.n_token) / line.seconds : 0;
    return fmt::format(
        R"(<tr{}><th scope="row">{}</th><td>{}</td><td class="num">{}</td><td class="num">{}</td>)"
        R"(<td class="num">{}</td><td class="num">{}</td></tr>)",
        sum ? R"( class="sum")" : "", head, phase, format_seconds(line.seconds), format_count(line.n_token),
        format_count(line.n_decode),
        rate > 0 && rate < 1e15 ? format_count(static_cast<std::uint64_t>(rate)) : "&ndash;");
}

void add(CostLine& sum, const CostLine& line) {
    sum.seconds += line.seconds;
    sum.n_token += line.n_token;
    sum.n_decode += line.n_decode;
}

std::string code(const std::string& text) { return fmt::format("<code>{}</code>", html(text)); }

std::string pair_row(const std::string& name, const std::string& value) {
    return value.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>", html(name), value);
}

std::string models_table(const Summary& summary) {
    if (summary.models.empty()) return "";
    std::string table =
        R"(<table><thead><tr><th scope="col">model</th><th scope="col">architecture</th><th class="num" scope="col">parameters</th>)"
        R"(<th class="num" scope="col">layers</th><th class="num" scope="col">width</th><th class="num" scope="col">heads</th>)"
        R"(<th scope="col">weights</th><th class="num" scope="col">file</th><th scope="col">path and SHA-256</th></tr></thead><tbody>)";
    for (const auto& model : summary.models)
        table += fmt::format(
            R"(<tr><th scope="row">{}</th><td>{}{}</td><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td>)"
            R"(<td class="num">{}</td><td>{}</td><td class="num">{}</td><td>{}<br>{}</td></tr>)",
            html(model.name), html(model.architecture), model.post_norm ? ", post-norm" : "",
            format_parameters(model.n_param), model.n_layer, model.n_embd, model.n_head,
            html(model.quantisation), format_bytes(model.file_bytes), code(model.path), code(model.digest));
    return scrolled("Models", table + "</tbody></table>");
}

std::string list_table(const std::string& title, const char* left, const char* right,
                       const std::map<std::string, std::string>& rows) {
    if (rows.empty()) return "";
    std::string table =
        fmt::format(R"(<table><thead><tr><th scope="col">{}</th><th scope="col">{}</th></tr></thead><tbody>)",
                    left, right);
    for (const auto& [name, value] : rows)
        table += fmt::format(R"(<tr><th scope="row">{}</th><td>{}</td></tr>)", html(name), code(value));
    return fmt::format(R"(<details class="more"><summary>{}</summary>{}</details>)", title,
                       scrolled(title, table + "</tbody></table>"));
}

}  // namespace

std::string cost_section(const std::vector<Cost>& costs, const Palette& palette) {
    if (costs.empty()) return "";
    const auto lines = sum_costs(costs);
    std::set<std::string> models;
    for (const auto& line : lines) models.insert(line.model);
    std::string table =
        R"(<table class="cost"><thead><tr><th scope="col">method</th><th scope="col">phase</th><th class="num" scope="col">time</th>)"
        R"(<th class="num" scope="col">tokens</th><th class="num" scope="col">decodes</th><th class="num" scope="col">tokens/s</th></tr></thead><tbody>)";
    CostLine total;
    for (std::size_t begin = 0, end = 0; begin < lines.size(); begin = end) {
        CostLine sum;
        for (end = begin; end < lines.size() && lines[end].model == lines[begin].model &&
                          lines[end].method == lines[begin].method;
             ++end)
            add(sum, lines[end]);
        add(total, sum);
        SettingSummary sign;
        sign.method = lines[begin].method;
        const std::string method = lines[begin].method.empty() ? "shared" : method_title(lines[begin].method);
        const std::string head = fmt::format(
            "{}{}{}", palette.sign(sign), html(method),
            models.size() > 1 ? fmt::format(R"( <span class="quiet">{}</span>)", html(lines[begin].model))
                              : "");
        for (std::size_t i = begin; i < end; ++i)
            table += cost_row(i == begin ? head : "", html(lines[i].phase), lines[i], false);
        if (end - begin > 1) table += cost_row("", "sum", sum, true);
    }
    table += cost_row("all", "sum", total, true);
    return R"(<section id="cost"><h2>Cost</h2>)" + scrolled("Cost", table + "</tbody></table>") +
           "<p class=\"quiet\">Time in the engine and the scorers. Decodes: calls into the engine; one call "
           "carries many rows.</p></section>";
}

std::string notes_section(const Summary& summary) {
    std::set<std::string> used;
    for (const auto& task : summary.tasks)
        for (const auto& name : metrics_of(task.test, task.primary)) used.insert(name);
    if (summary.notes.empty() && used.empty()) return "";
    std::string out = R"(<section id="notes"><h2>How it was done</h2>)";
    if (!summary.notes.empty()) {
        out += "<ul>";
        for (const auto& note : summary.notes) out += fmt::format("<li>{}</li>", html(note));
        out += "</ul>";
    }
    SettingSummary all;
    for (const auto& name : used) all.metrics[name] = {};
    std::string terms;
    for (const auto& name : metrics_of({all}, ""))
        if (const Metric* metric = find_metric(name))
            terms += pair_row(metric->label, html(metric->explanation));
    if (!terms.empty()) out += fmt::format("<h3>Metrics</h3><dl>{}</dl>", terms);
    return out + "</section>";
}

std::string provenance_section(const Summary& summary) {
    const ProvenanceSummary& from = summary.provenance;
    std::string out = R"(<section id="provenance"><h2>Provenance</h2>)" + models_table(summary);
    const std::string pairs =
        pair_row("tiller", html(from.program_version)) + pair_row("engine", html(from.engine_version)) +
        pair_row("machine", html(from.machine)) +
        pair_row("command", from.command.empty() ? "" : code(from.command)) +
        pair_row("plan, SHA-256", from.plan_digest.empty() ? "" : code(from.plan_digest));
    if (!pairs.empty()) out += fmt::format("<dl>{}</dl>", pairs);
    if (!from.plan_toml.empty())
        out += fmt::format(R"(<details class="more"><summary>The plan</summary><pre>{}</pre></details>)",
                           html(from.plan_toml));
    out += list_table("Task files", "task", "SHA-256", from.task_digests);
    out += list_table("Vectors in the run folder", "task and method", "file", from.vector_files);
    return out + "</section>";
}

}  // namespace tiller::report
