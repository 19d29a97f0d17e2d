// A sweep as CSV and as tables for a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/numbers.h"
#include "tiller/sweep.h"

namespace tiller {
namespace {

using namespace report;

void add_rows(std::string& out, const Sweep& sweep, const std::string& context, const SweepCell& cell) {
    const bool steered = cell.heads > 0;
    for (const auto& [set, score] : {std::pair("all", &cell.all), std::pair("filtered", &cell.filtered)}) {
        const auto interval = [&](const Interval& i, bool known) {
            return known ? fmt::format("{},{},{}", format_exact(i.mean), format_exact(i.low),
                                       format_exact(i.high))
                         : std::string("n/a,n/a,n/a");
        };
        out += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", csv_text(sweep.model), csv_text(sweep.task),
                           context, steered ? fmt::format("{},{}", cell.heads, cell.layer) : ",",
                           steered ? format_exact(cell.scale) : "", set, score->n, score->n_broken,
                           interval(score->first_token, score->n > 0),
                           interval(score->logprob, score->n > score->n_broken));
    }
}

std::string accuracy(const SweepScore& score) {
    return score.n == 0 ? "-" : format_interval(score.first_token);
}

std::string brief(const SweepCell* cell) { return cell ? format_value(cell->all.first_token.mean) : "-"; }

}  // namespace

std::string sweep_csv(const Sweep& sweep) {
    std::string out =
        "model,task,context,heads,layer,scale,items,n,n_broken,first_token,first_token_low,first_token_high,"
        "logprob,logprob_low,logprob_high\n";
    add_rows(out, sweep, "few_shot", sweep.few_shot);
    for (const SweepColumn& column : sweep.columns) {
        const std::string context = sweep_context_name(column.context);
        add_rows(out, sweep, context, column.unsteered);
        for (const SweepCell& cell : column.cells) add_rows(out, sweep, context, cell);
    }
    return out;
}

std::string sweep_table(const Sweep& sweep) {
    const SweepPlan& plan = sweep.plan;
    std::string out = fmt::format(
        "{} on {}: {} layers x {} numbers of heads x {} strengths; {} test items, {} of them right with {} "
        "examples (filtered)\n\n",
        terminal_text(sweep.task), terminal_text(sweep.model), plan.layers.size(), plan.heads.size(),
        plan.scales.size(), sweep.items.size(), sweep.few_shot.filtered.n, plan.n_shot);
    out += fmt::format("{:<16} {:<9} {:>18} {:>18}   {}\n", "first token", "items", "unsteered",
                       "best setting", "which");
    for (const SweepColumn& column : sweep.columns) {
        const SweepCell& best = column.cells[column.best];
        out += fmt::format("{:<16} {:<9} {:>18} {:>18}   heads {}, layer {}, scale {}\n",
                           sweep_context_title(column.context), "all", accuracy(column.unsteered.all),
                           accuracy(best.all), best.heads, best.layer, best.scale);
        out += fmt::format("{:<16} {:<9} {:>18} {:>18}\n", "", "filtered",
                           accuracy(column.unsteered.filtered), accuracy(best.filtered));
    }
    out += fmt::format("{:<16} {:<9} {:>18}\n", fmt::format("{}-shot prompt", plan.n_shot), "all",
                       accuracy(sweep.few_shot.all));
    out += fmt::format(
        "The best of {} settings is picked on these very items, which flatters it; `tiller compare` picks "
        "on\nvalidation items.\n\nFirst-token accuracy by layer, at each context's best heads and scale, all "
        "items\n",
        sweep.columns.empty() ? 0 : sweep.columns.front().cells.size());
    out += fmt::format("{:>5}", "layer");
    for (const SweepColumn& column : sweep.columns)
        out += fmt::format("  {:>15}", sweep_context_title(column.context));
    for (const int layer : plan.layers) {
        out += fmt::format("\n{:>5}", layer);
        for (const SweepColumn& column : sweep.columns) {
            const SweepCell& best = column.cells[column.best];
            out += fmt::format("  {:>15}", brief(find_cell(column, best.heads, layer, best.scale)));
        }
    }
    return out + "\n";
}

}  // namespace tiller
