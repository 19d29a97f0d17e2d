// The factors of the crossed design, its cells, and the edits of a cell.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "protocols/crossed/crossed.h"

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

std::string school_of(const CrossedPlan& plan, const std::string& cell_id) {
    constexpr std::size_t all = (std::size_t{1} << n_crossed_factor) - 1;
    for (const auto& [set, school] : {std::pair(std::size_t{0}, "FV"), std::pair(all, "ICV")})
        if (const auto corner = crossed_corner(plan, set); corner && corner->id() == cell_id) return school;
    return "";
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
