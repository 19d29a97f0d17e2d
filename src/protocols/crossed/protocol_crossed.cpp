// The crossed design: every combination of source, place, positions and operation, each at its own best dose.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "protocols/crossed/crossed.h"
#include "study/choose.h"
#include "study/toml_fields.h"

namespace tiller::study {

Crossed::Crossed()
    : Protocol(
          {.name = "crossed",
           .summary = "source x place x positions x operation: why FV and ICV differ (docs/comparisons.md)",
           .question = "Why do function vectors and in-context vectors differ: by the direction, the "
                       "place, the positions or the operation?",
           .table = "crossed"}) {}

Plan Crossed::plan() const {
    Plan plan = Protocol::plan();
    plan.title = "Function vectors and in-context vectors, crossed";
    plan.tasks = {"present-past", "capitalize", "country-capital", "antonym", "sentiment_transfer"};
    plan.controls = false;
    return plan;
}

void Crossed::table_fields(Fields& f, Plan& plan) const {
    CrossedPlan& p = plan.crossed;
    f("sources", p.sources), f("places", p.places), f("positions", p.positions);
    f("operations", p.operations), f("doses", p.doses), f("layers", p.layers);
    f("heads", p.heads);
}

void Crossed::check(const Plan& plan, PlanFaults& faults) const {
    const CrossedPlan& p = plan.crossed;
    faults.refuse_if(plan.controls, "controls",
                     "is true, but the crossed design has its own control: write controls = false, and add "
                     "\"random\" to sources of [crossed]");
    faults.refuse_if(plan.methods != std::vector<std::string>{"fv", "icv"}, "methods",
                     "is changed, but the crossed design takes its directions from sources of [crossed]; "
                     "leave methods out");
    std::size_t n_cell = 1;
    for (const auto& factor : crossed_factors()) {
        const auto key = fmt::format("crossed.{}", factor.key);
        const auto& levels = p.*factor.levels;
        faults.filled(key, levels, fmt::format("give at least one, like \"{}\"", factor.fv));
        faults.once(key, levels);
        for (const auto& level : levels)
            faults.refuse_if(
                std::find(factor.known.begin(), factor.known.end(), level) == factor.known.end(), key,
                fmt::format("has \"{}\", which is unknown; known: {}", level, fmt::join(factor.known, ", ")));
        n_cell *= levels.size();
    }
    faults.refuse_if(n_cell < 2, "crossed.sources",
                     "and the other factors have one level each; give two to at least one of them, else "
                     "there is nothing to compare");
    faults.filled("crossed.doses", p.doses, "give at least one, like 1.0");
    faults.each(
        "crossed.doses", p.doses, [](double dose) { return dose > 0 && dose <= 1000; },
        "above 0 and at most 1000");
    faults.once("crossed.doses", p.doses);
    faults.once("crossed.layers", p.layers);
    faults.each(
        "crossed.layers", p.layers, [](int layer) { return layer >= 0; }, "0 or more");
    faults.once("crossed.heads", p.heads);
    faults.each(
        "crossed.heads", p.heads, [](int n) { return n >= 1; }, "1 or more");
}

std::vector<std::string> Crossed::notes(const Plan& plan) const {
    std::vector<std::string> notes = {
        "Every cell is judged at its own best dose. A dose is the length of what is added over the length of "
        "the activation (its mean at the last token of unsteered validation prompts), summed over the edited "
        "layers, each of which gets an equal part; so doses mean the same for every source and operation. "
        "The doses tried are the same for all cells and chosen on the validation items, by the next token "
        "for functional tasks, by generated texts for behavioural ones.",
        "The source fv is one direction, the sum of the top heads' contributions, in every layer; icv, "
        "mean-diff and random have a direction for each layer. Only directions cross over: their lengths are "
        "replaced by the dose.",
        "A place of one layer has the layer that the source's validation items chose, added at the last "
        "prompt token and the generated ones, for all its cells.",
        "Splits: 70 % train (vectors, demonstrations, style scorer), 9 % validation (choice of layers and "
        "doses), 21 % test (everything shown).",
    };
    for (auto& rule : choice_rules(plan)) notes.push_back(std::move(rule));
    return notes;
}

const Protocol& protocol_crossed() {
    static const Crossed protocol;
    return protocol;
}

}  // namespace tiller::study
