#include <fmt/format.h>
#include <fmt/ranges.h>

#include "report/escape.h"
#include "report/numbers.h"
#include "report/page.h"
#include "report/sweep_charts.h"

namespace tiller {
namespace {

using namespace report;

const Interval* accuracy_interval(const SweepScore& score) {
    return score.n > 0 ? &score.first_token : nullptr;
}

std::string overview(const Sweep& sweep) {
    std::string table =
        R"(<table class="metrics"><thead><tr><th scope="col">context</th><th scope="col">items</th>)"
        R"(<th class="num" scope="col">unsteered</th><th class="num" scope="col">best setting</th>)"
        R"(<th scope="col">which</th><th class="num" scope="col">unsteered log p</th>)"
        R"(<th class="num" scope="col">best log p</th></tr></thead><tbody>)";
    const auto row = [&](const std::string& name, const char* set, const SweepScore& none,
                         const SweepScore* best, const std::string& which) {
        const auto logprob = [](const SweepScore* s) {
            return s && s->n > s->n_broken ? &s->logprob : nullptr;
        };
        table += fmt::format(R"(<tr><th scope="row">{}</th><td>{} ({})</td>{}{}<td>{}</td>{}{}</tr>)",
                             html(name), set, none.n, interval_cell(accuracy_interval(none), ""),
                             interval_cell(best ? accuracy_interval(*best) : nullptr, "best"), html(which),
                             interval_cell(logprob(&none), ""), interval_cell(logprob(best), ""));
    };
    for (const SweepColumn& column : sweep.columns) {
        const SweepCell& best = column.cells[column.best];
        const auto which = fmt::format("{} head{}, layer {}, scale {}", best.heads,
                                       best.heads == 1 ? "" : "s", best.layer, best.scale);
        row(sweep_context_title(column.context), "all", column.unsteered.all, &best.all, which);
        row("", "filtered", column.unsteered.filtered, &best.filtered, "the same");
    }
    row(fmt::format("{}-shot prompt", sweep.plan.n_shot), "all", sweep.few_shot.all, nullptr, "no vector");
    return R"(<section id="overview"><h2>Best settings</h2>)" +
           scrolled("Best settings", table + "</tbody></table>") +
           fmt::format(
               R"(<p class="quiet">First-token accuracy with its 95 % bootstrap interval. The best of {} )"
               R"(settings is picked on these very items, which flatters it. Filtered: items that the )"
               R"(unsteered model gets right with {} examples.</p>)"
               R"(<noscript><p class="quiet">The charts need scripts; every number in them is in )"
               R"(sweep.csv.</p></noscript></section>)",
               sweep.columns.empty() ? 0 : sweep.columns.front().cells.size(), sweep.plan.n_shot);
}

std::string column_section(const Sweep& sweep, const SweepColumn& column) {
    return fmt::format(
        R"(<section id="{}"><h2>{}</h2><h4>All items</h4>{}<h4>Filtered items</h4>{}<h4>By layer</h4>{})"
        R"(<h4>By number of heads</h4>{}</section>)",
        sweep_context_name(column.context), html(sweep_context_title(column.context)),
        figure(sweep_heat_map(sweep, column, false)), figure(sweep_heat_map(sweep, column, true)),
        figure(sweep_layer_lines(sweep, column)), figure(sweep_head_lines(sweep, column)));
}

std::string origin(const Sweep& sweep) {
    std::string out = R"(<section id="provenance"><h2>How it was done</h2><dl>)";
    const auto line = [&](const char* name, const std::string& value) {
        out += fmt::format("<dt>{}</dt><dd>{}</dd>", name, html(value));
    };
    line("Model", fmt::format("{} ({}, {}), SHA-256 {}", sweep.model, sweep.architecture, sweep.quantisation,
                              sweep.model_digest));
    line("Task", fmt::format("{} ({}), SHA-256 {}", sweep.task, sweep.family, sweep.task_digest));
    line("Vector", fmt::format("{}: the top heads' contributions by average indirect effect, from {} prompts "
                               "for the means and {} with shuffled labels, {} examples each",
                               sweep.vector_file, sweep.plan.extraction.n_mean, sweep.plan.extraction.n_patch,
                               sweep.plan.extraction.n_shot));
    line("Settings", fmt::format("heads {}; layers {}; scales {}", fmt::join(sweep.plan.heads, ", "),
                                 fmt::join(sweep.plan.layers, ", "), fmt::join(sweep.plan.scales, ", ")));
    line("Contexts",
         "zero-shot: the query alone; shuffled labels: examples whose answers are permuted; natural text: "
         "the query in a sentence that does not name the task. The vector is added after the layer at the "
         "last prompt token.");
    line("Seed", fmt::format("{}", sweep.plan.seed));
    line("Program", "tiller " + sweep.program_version);
    return out + "</dl></section>";
}

}  // namespace

std::string sweep_html(const Sweep& sweep) {
    std::vector<std::string> findings;
    for (const SweepColumn& column : sweep.columns) {
        const SweepCell& best = column.cells[column.best];
        findings.push_back(fmt::format("{}: {} unsteered, {} at best ({} head{}, layer {}, scale {}).",
                                       sweep_context_title(column.context),
                                       format_value(column.unsteered.all.first_token.mean),
                                       format_value(best.all.first_token.mean), best.heads,
                                       best.heads == 1 ? "" : "s", best.layer, best.scale));
    }
    std::string nav = R"(<nav aria-label="Contents"><ol><li><a href="#overview">Best settings</a></li>)";
    std::string body;
    for (const SweepColumn& column : sweep.columns) {
        nav += fmt::format(R"(<li><a href="#{}">{}</a></li>)", sweep_context_name(column.context),
                           html(sweep_context_title(column.context)));
        body += column_section(sweep, column) + "\n";
    }
    nav += R"(<li><a href="#provenance">How it was done</a></li></ol></nav>)";
    const std::string title = fmt::format("Function vector sweep: {} on {}", sweep.task, sweep.model);
    return whole_page(
        title, Palette(Summary{}),
        nav + "<main>\n" +
            page_header(
                "findings", title,
                "At which layer, from how many heads and how strong does a function vector carry this task?",
                findings) +
            overview(sweep) + "\n" + body + origin(sweep) + "\n</main>\n");
}

}  // namespace tiller
