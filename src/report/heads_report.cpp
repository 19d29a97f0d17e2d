// The report on heads across tasks as JSON, HTML page and table for a terminal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/util.h"
#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"
#include "report/sweep_charts.h"
#include "report/sweep_tree.h"

namespace tiller {
namespace {

using namespace report;
using Json = nlohmann::json;

Json heads_cell(const SweepCell& cell) {
    Json out = items_tree(cell.items);
    out["score"] = score_tree(cell.all);
    if (cell.heads > 0) out["heads"] = cell.heads, out["layer"] = cell.layer, out["scale"] = cell.scale;
    return out;
}

Json cells_tree(const std::vector<SweepCell>& cells) {
    Json out = Json::array();
    for (const SweepCell& cell : cells) out.push_back(heads_cell(cell));
    return out;
}

Json chosen_tree(const ChosenVector& v) {
    return {{"layer", v.layer}, {"scale", v.scale}, {"validation", cells_tree(v.grid)}};
}

std::vector<std::string> names_of(const HeadsAcrossTasks& heads) {
    std::vector<std::string> names;
    for (const TaskHeads& task : heads.tasks) names.push_back(task.task);
    return names;
}

// How the numbers of the transfer were computed, for readers.
std::string rule(const HeadsAcrossTasks& h) {
    return fmt::format(
        "Each row's vector sums its own task's top {} heads at one setting: the layer ({}) and scale ({}) "
        "with the best first-token accuracy on up to {} zero-shot validation items of its own task, ties by "
        "mean log-probability. The same setting is used on the zero-shot test items of every task.",
        h.plan.top_k, fmt::join(h.plan.layers, ", "), fmt::join(h.plan.scales, ", "), h.plan.n_valid);
}

// How many of the common heads are listed: the universal ones, but at least 10 where there are as many.
std::size_t shown(const HeadsAcrossTasks& h) {
    return std::min(h.common.size(), std::max<std::size_t>(10, static_cast<std::size_t>(h.plan.top_k)));
}

}  // namespace

std::string heads_json(const HeadsAcrossTasks& h) {
    Json tasks = Json::array(), common = Json::array(), transfer = Json::array();
    for (const TaskHeads& t : h.tasks) {
        Json top = Json::array();
        for (const HeadEffect& head : t.top)
            top.push_back({{"layer", head.layer}, {"head", head.head}, {"aie", head.aie}});
        tasks.push_back({{"task", valid_utf8(t.task)},
                         {"digest", t.task_digest},
                         {"vector", valid_utf8(t.vector_file)},
                         {"prompts_digest", t.prompts_digest},
                         {"top", top},
                         {"own", chosen_tree(t.own)},
                         {"universal", chosen_tree(t.universal)},
                         {"items", t.items},
                         {"unsteered", heads_cell(t.unsteered)},
                         {"universal_test", heads_cell(t.universal_test)},
                         {"own_minus_universal", interval_tree(t.own_minus_universal)}});
    }
    for (std::size_t i = 0; i < h.common.size(); ++i) {
        const CommonHead& head = h.common[i];
        common.push_back({{"layer", head.layer},
                          {"head", head.head},
                          {"n_task", head.n_task},
                          {"mean_aie", head.mean_aie},
                          {"universal", i < static_cast<std::size_t>(h.plan.top_k)}});
    }
    for (const auto& row : h.transfer) transfer.push_back(cells_tree(row));
    const Json out = {{"format", "tiller.heads/1"},
                      {"program_version", h.program_version},
                      {"model",
                       {{"name", valid_utf8(h.model)},
                        {"digest", h.model_digest},
                        {"architecture", h.architecture},
                        {"quantisation", h.quantisation},
                        {"n_layer", h.n_layer},
                        {"n_head_total", h.n_head_total}}},
                      {"plan",
                       {{"top_k", h.plan.top_k},
                        {"layers", h.plan.layers},
                        {"scales", h.plan.scales},
                        {"n_valid", h.plan.n_valid},
                        {"n_test", h.plan.n_test},
                        {"n_mean", h.plan.extraction.n_mean},
                        {"n_patch", h.plan.extraction.n_patch},
                        {"n_shot_search", h.plan.extraction.n_shot},
                        {"n_bootstrap", h.plan.n_bootstrap},
                        {"seed", h.plan.seed}}},
                      {"tasks", tasks},
                      {"overlap", h.overlap},
                      {"common_heads", common},
                      {"transfer", transfer}};
    return out.dump() + "\n";
}

std::string heads_table(const HeadsAcrossTasks& h) {
    const auto names = names_of(h);
    std::string out = fmt::format("{}: top {} of {} heads of {} tasks\n", terminal_text(h.model),
                                  h.plan.top_k, h.n_head_total, names.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        out += fmt::format("{:>4} = {}\n", i + 1, terminal_text(names[i]));
    const auto matrix = [&](const std::string& title, const auto& value) {
        out += fmt::format("\n{}\n{:>22}", title, "");
        for (std::size_t b = 0; b < names.size(); ++b) out += fmt::format("  {:>4}", b + 1);
        for (std::size_t a = 0; a < names.size(); ++a) {
            const std::string name = fit(terminal_text(names[a]), 18);
            out += fmt::format("\n{}{}{:>4}", name,
                               std::string(static_cast<std::size_t>(18 - columns_of(name)), ' '), a + 1);
            for (std::size_t b = 0; b < names.size(); ++b)
                out += fmt::format("  {:>4}", format_value(value(a, b)));
        }
        out += "\n";
    };
    matrix("Overlap of the top heads (Jaccard)",
           [&](std::size_t a, std::size_t b) { return h.overlap[a][b]; });
    out +=
        fmt::format("\nHeads in the top {} of most tasks (* universal: the first {})\n{:>9}  {:>5}  {:>9}\n",
                    h.plan.top_k, h.plan.top_k, "head", "tasks", "mean AIE");
    for (std::size_t i = 0; i < shown(h); ++i)
        out += fmt::format("{} {:>7}  {:>5}  {:>+9.4f}\n",
                           i < static_cast<std::size_t>(h.plan.top_k) ? '*' : ' ',
                           fmt::format("{}.{}", h.common[i].layer, h.common[i].head), h.common[i].n_task,
                           h.common[i].mean_aie);
    matrix("First-token accuracy: the row's vector on the column's zero-shot test items",
           [&](std::size_t a, std::size_t b) { return h.transfer[a][b].all.first_token.mean; });
    out += rule(h) +
           "\n\nUniversal heads: the same k heads for every task, with the task's own means and a setting "
           "chosen alike." +
           fmt::format("\n\n{:<22} {:>18} {:>18} {:>18}   {}\n", "own means", "unsteered", "own heads",
                       "universal heads", "own - universal");
    for (std::size_t t = 0; t < names.size(); ++t) {
        const TaskHeads& task = h.tasks[t];
        const std::string name = fit(terminal_text(names[t]), 22);
        out += fmt::format("{}{} {:>18} {:>18} {:>18}   {}\n", name,
                           std::string(static_cast<std::size_t>(22 - columns_of(name)), ' '),
                           format_interval(task.unsteered.all.first_token),
                           format_interval(h.transfer[t][t].all.first_token),
                           format_interval(task.universal_test.all.first_token),
                           format_interval(task.own_minus_universal));
    }
    return out;
}

std::string heads_html(const HeadsAcrossTasks& h) {
    const auto names = names_of(h);
    std::vector<std::vector<double>> means;
    std::vector<std::vector<Interval>> intervals;
    for (const auto& row : h.transfer) {
        auto& m = means.emplace_back();
        auto& i = intervals.emplace_back();
        for (const SweepCell& cell : row) {
            m.push_back(cell.all.first_token.mean);
            i.push_back(cell.all.first_token);
        }
    }
    std::string common =
        R"(<table class="narrow"><thead><tr><th scope="col">head</th><th class="num" scope="col">tasks</th>)"
        R"(<th class="num" scope="col">mean AIE</th><th scope="col">universal</th></tr></thead><tbody>)";
    for (std::size_t i = 0; i < shown(h); ++i)
        common += fmt::format(R"(<tr><th scope="row">layer {}, head {}</th><td class="num">{}</td>)"
                              R"(<td class="num">{:.4f}</td><td>{}</td></tr>)",
                              h.common[i].layer, h.common[i].head, h.common[i].n_task, h.common[i].mean_aie,
                              i < static_cast<std::size_t>(h.plan.top_k) ? "universal" : "");
    std::string own =
        R"(<table class="metrics"><thead><tr><th scope="col">task</th><th class="num" scope="col">unsteered</th>)"
        R"(<th class="num" scope="col">own heads</th><th scope="col">at</th>)"
        R"(<th class="num" scope="col">universal heads</th><th scope="col">at</th>)"
        R"(<th class="num" scope="col">own minus universal</th></tr></thead><tbody>)";
    const auto at = [](const ChosenVector& v) { return fmt::format("layer {}, scale {}", v.layer, v.scale); };
    for (std::size_t t = 0; t < names.size(); ++t) {
        const TaskHeads& task = h.tasks[t];
        own += fmt::format(R"(<tr><th scope="row">{}</th>{}{}<td>{}</td>{}<td>{}</td>{}</tr>)",
                           html(names[t]), interval_cell(&task.unsteered.all.first_token, ""),
                           interval_cell(&intervals[t][t], ""), at(task.own),
                           interval_cell(&task.universal_test.all.first_token, ""), at(task.universal),
                           interval_cell(&task.own_minus_universal, ""));
    }
    const std::string title = fmt::format("Heads across {} tasks: {}", names.size(), h.model);
    std::string body =
        R"(<main>)" +
        page_header("findings", title,
                    "Which heads carry many tasks, and does one task's function vector carry another's?", {});
    body += R"(<section id="overlap"><h2>Overlap</h2>)" +
            figure(task_matrix(
                names, h.overlap, {}, "overlap", "task", "other task", "Jaccard",
                fmt::format("Shared heads among the top {} of two tasks, over all heads of both (Jaccard).",
                            h.plan.top_k))) +
            "</section>";
    body += R"(<section id="common"><h2>Universal heads</h2>)" +
            scrolled("Universal heads", common + "</tbody></table>") +
            fmt::format(
                R"(<p class="quiet">In how many tasks a head is among the top {}, and its average indirect )"
                R"(effect over all tasks.</p></section>)",
                h.plan.top_k);
    body += R"(<section id="transfer"><h2>Transfer</h2>)" +
            figure(task_matrix(names, means, intervals, "transfer", "vector of", "items of",
                               "first token, 95 %", "First-token accuracy. " + rule(h))) +
            "</section>";
    body +=
        R"(<section id="own"><h2>Own heads and universal heads</h2>)" +
        scrolled("Own heads and universal heads", own + "</tbody></table>") +
        R"(<p class="quiet">Both vectors use the task's own mean head outputs; each has its own setting, chosen )"
        R"(on the task's validation items. Zero-shot test items, first-token accuracy, 95 % intervals; the )"
        R"(difference is paired by item.</p></section>)";
    body += fmt::format(
        R"(<section id="provenance"><h2>How it was done</h2><dl><dt>Model</dt><dd>{} ({}, {}), SHA-256 {}</dd>)"
        R"(<dt>Head search</dt><dd>{} prompts for the means, {} with shuffled labels, {} examples each</dd>)"
        R"(<dt>Seed</dt><dd>{}</dd><dt>Program</dt><dd>tiller {}</dd></dl></section></main>)",
        html(h.model), html(h.architecture), html(h.quantisation), html(h.model_digest),
        h.plan.extraction.n_mean, h.plan.extraction.n_patch, h.plan.extraction.n_shot, h.plan.seed,
        html(h.program_version));
    const std::string nav =
        R"(<nav aria-label="Contents"><ol><li><a href="#overlap">Overlap</a></li>)"
        R"(<li><a href="#common">Universal heads</a></li><li><a href="#transfer">Transfer</a></li>)"
        R"(<li><a href="#own">Own and universal</a></li>)"
        R"(<li><a href="#provenance">How it was done</a></li></ol></nav>)";
    return whole_page(title, Palette(Summary{}), nav + body + "\n");
}

}  // namespace tiller
