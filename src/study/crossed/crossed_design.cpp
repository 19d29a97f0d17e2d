// The factors of the crossed design, its cells, and the edits of a cell.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "study/crossed/crossed.h"

namespace tiller::study {
namespace {

template <class T>
bool has(const std::vector<T>& values, const T& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

const std::array<CrossedFactor, n_crossed_factor>& crossed_factors() {
    static const std::array<CrossedFactor, n_crossed_factor> factors = {
        {{"source", "sources", &CrossedPlan::sources, "fv", "icv", {"fv", "icv", "mean-diff", "random"}},
         {"place",
          "places",
          &CrossedPlan::places,
          "residual-one",
          "mlp-all",
          {"residual-one", "residual-all", "mlp-one", "mlp-all", "attention-heads"}},
         {"positions",
          "positions",
          &CrossedPlan::positions,
          "steered",
          "all",
          {"last_prompt", "steered", "prompt", "all"}},
         {"operation", "operations", &CrossedPlan::operations, "add", "turn", {"add", "replace", "turn"}}}};
    return factors;
}

std::string CrossedCell::id() const { return fmt::format("{}", fmt::join(levels, " ")); }

std::vector<CrossedCell> crossed_cells(const CrossedPlan& plan) {
    std::vector<CrossedCell> cells = {{}};
    for (std::size_t f = 0; f < n_crossed_factor; ++f) {
        std::vector<CrossedCell> longer;
        for (const auto& cell : cells)
            for (const auto& level : plan.*crossed_factors()[f].levels) {
                longer.push_back(cell);
                longer.back().levels[f] = level;
            }
        cells = std::move(longer);
    }
    return cells;
}

Factorial crossed_factorial(const CrossedPlan& plan) {
    std::vector<int> n_level;
    for (const auto& factor : crossed_factors())
        n_level.push_back(static_cast<int>((plan.*factor.levels).size()));
    return Factorial(n_level);
}

std::optional<CrossedCell> crossed_corner(const CrossedPlan& plan, std::size_t at_icv) {
    CrossedCell cell;
    for (std::size_t f = 0; f < n_crossed_factor; ++f) {
        const auto& factor = crossed_factors()[f];
        cell.levels[f] = at_icv >> f & 1 ? factor.icv : factor.fv;
        if (!has(plan.*factor.levels, cell.levels[f])) return std::nullopt;
    }
    return cell;
}

std::optional<Fault> crossed_fault(const Plan& plan) {
    std::optional<Fault> fault;
    const auto refuse = [&](const std::string& key, const std::string& what) {
        if (!fault) fault = Fault{key, what};
    };
    const CrossedPlan& p = plan.crossed;
    if (plan.controls)
        refuse("controls",
               "is true, but the crossed design has its own control: write controls = false, and add "
               "\"random\" to sources of [crossed]");
    if (plan.methods != std::vector<std::string>{"fv", "icv"})
        refuse("methods",
               "is changed, but the crossed design takes its directions from sources of "
               "[crossed]; leave methods out");
    const auto list = [&](const std::string& key, auto values) {
        std::sort(values.begin(), values.end());
        if (const auto twice = std::adjacent_find(values.begin(), values.end()); twice != values.end())
            refuse(key, fmt::format("names {} twice", *twice));
    };
    std::size_t n_cell = 1;
    for (const auto& factor : crossed_factors()) {
        const auto key = fmt::format("crossed.{}", factor.key);
        const auto& levels = p.*factor.levels;
        if (levels.empty()) refuse(key, fmt::format("is empty; give at least one, like \"{}\"", factor.fv));
        list(key, levels);
        for (const auto& level : levels)
            if (std::find(factor.known.begin(), factor.known.end(), level) == factor.known.end())
                refuse(key, fmt::format("has \"{}\", which is unknown; known: {}", level,
                                        fmt::join(factor.known, ", ")));
        n_cell *= levels.size();
    }
    if (n_cell < 2)
        refuse("crossed.sources",
               "and the other factors have one level each; give two to at least one of "
               "them, else there is nothing to compare");
    if (p.doses.empty()) refuse("crossed.doses", "is empty; give at least one, like 1.0");
    list("crossed.doses", p.doses);
    for (const double dose : p.doses)
        if (!(dose > 0 && dose <= 1000))
            refuse("crossed.doses", fmt::format("has {}, expected above 0 and at most 1000", dose));
    const auto whole = [&](const std::string& key, const std::vector<int>& values, int least) {
        list(key, values);
        for (const int value : values)
            if (value < least) refuse(key, fmt::format("has {}, expected {} or more", value, least));
    };
    whole("crossed.layers", p.layers, 0);
    whole("crossed.heads", p.heads, 1);
    return fault;
}

Site crossed_site(const std::string& place) {
    if (place.starts_with("mlp")) return Site::mlp_output;
    return place.starts_with("attention") ? Site::attention_output : Site::residual;
}

CrossedDirections::CrossedDirections(const BySource& directions, const Sizes& sizes) {
    for (const auto& [source, layers] : directions)
        for (const auto& [site, size_of] : sizes)
            for (const auto& [layer, size] : size_of) {
                const auto& direction = layers.at(layer);
                double squares = 0;
                for (const float v : direction) squares += static_cast<double>(v) * static_cast<double>(v);
                const double factor = squares > 0 ? size / std::sqrt(squares) : 0;
                std::vector<float> scaled;
                for (const float v : direction)
                    scaled.push_back(static_cast<float>(static_cast<double>(v) * factor));
                vectors_[source][site][layer] = std::make_shared<const std::vector<float>>(std::move(scaled));
            }
}

std::vector<Edit> CrossedDirections::edits(const CrossedCell& cell, const std::vector<int>& layers,
                                           double dose) const {
    const Site site = crossed_site(cell.place());
    const auto& of_layer = vectors_.at(cell.source()).at(site);
    const double part = dose / static_cast<double>(layers.size());
    std::vector<Edit> edits;
    for (const int layer : layers) {
        Edit edit;
        edit.site = site;
        edit.layer = layer;
        edit.operation = *operation_from_name(cell.operation());
        edit.positions.kind = *positions_from_name(cell.positions());
        edit.vector = of_layer.at(layer);
        edit.strength = static_cast<float>(edit.operation == Operation::turn      ? 10 * part
                                           : edit.operation == Operation::replace ? part / (1 + part)
                                                                                  : part);
        edits.push_back(std::move(edit));
    }
    return edits;
}

}  // namespace tiller::study
