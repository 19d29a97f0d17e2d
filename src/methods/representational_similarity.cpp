#include "methods/representational_similarity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tiller/error.h"
#include "tiller/statistics.h"

namespace tiller {
namespace {

// The rows' parts [at, at + width) scaled to length 1; a part of zeros stays zero.
std::vector<std::vector<double>> unit_rows(std::span<const std::vector<float>> rows, std::size_t at,
                                           std::size_t width) {
    std::vector<std::vector<double>> units;
    for (const auto& row : rows) {
        const auto begin = row.begin() + static_cast<std::ptrdiff_t>(at);
        auto& unit = units.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(width));
        double squares = 0;
        for (const double x : unit) squares += x * x;
        if (squares > 0)
            for (double& x : unit) x /= std::sqrt(squares);
    }
    return units;
}

}  // namespace

std::vector<double> pairwise_cosines(std::span<const std::vector<float>> rows, std::size_t at,
                                     std::size_t width) {
    const auto units = unit_rows(rows, at, width);
    std::vector<double> cosines;
    cosines.reserve(units.size() * (units.size() - 1) / 2);
    for (std::size_t i = 0; i < units.size(); ++i)
        for (std::size_t j = i + 1; j < units.size(); ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < width; ++k) sum += units[i][k] * units[j][k];
            cosines.push_back(sum);
        }
    return cosines;
}

std::vector<double> same_concept(std::span<const int> concepts) {
    std::vector<double> design;
    for (std::size_t i = 0; i < concepts.size(); ++i)
        for (std::size_t j = i + 1; j < concepts.size(); ++j)
            design.push_back(concepts[i] == concepts[j] ? 1 : 0);
    return design;
}

ConceptScores concept_scores(std::span<const std::vector<float>> outputs, std::span<const int> concepts,
                             std::span<const int> n_head, std::span<const int> d_head) {
    std::size_t n_value = 0;
    for (std::size_t il = 0; il < n_head.size() && il < d_head.size(); ++il)
        n_value += static_cast<std::size_t>(n_head[il] * d_head[il]);
    if (outputs.size() != concepts.size() || n_head.size() != d_head.size())
        throw Error(Code::bad_input,
                    fmt::format("concept heads: {} prompts with {} concepts, {} layers with {} widths; "
                                "expected as many",
                                outputs.size(), concepts.size(), n_head.size(), d_head.size()));
    for (std::size_t i = 0; i < outputs.size(); ++i)
        if (outputs[i].size() != n_value)
            throw Error(Code::bad_input,
                        fmt::format("concept heads: the outputs of prompt {} have {} values, expected {}", i,
                                    outputs[i].size(), n_value));
    const auto design = same_concept(concepts);
    const auto n_same = static_cast<double>(std::count(design.begin(), design.end(), 1.0));
    const double share = design.empty() ? 0 : n_same / static_cast<double>(design.size());
    if (!(share > 0 && share < 1))
        throw Error(Code::bad_input,
                    fmt::format("concept heads: {:.0f} of {} pairs of prompts are of one concept; expected "
                                "some that are and some that are not: give two concepts or more, and two "
                                "prompts or more of each",
                                n_same, design.size()));
    ConceptScores out;
    const auto n_pair = static_cast<double>(design.size());
    out.ceiling = std::sqrt(3 * share * (1 - share) * n_pair * n_pair / (n_pair * n_pair - 1));
    std::size_t at = 0;
    int n_all = 0;
    for (std::size_t il = 0; il < n_head.size(); ++il) {
        auto& scores = out.scores.emplace_back();
        const auto width = static_cast<std::size_t>(d_head[il]);
        for (int h = 0; h < n_head[il]; ++h, at += width, ++n_all) {
            const double rho = spearman(pairwise_cosines(outputs, at, width), design);
            out.n_constant += std::isnan(rho);
            scores.push_back(std::isnan(rho) ? 0.0f : static_cast<float>(rho));
        }
    }
    if (out.n_constant == n_all)
        throw Error(Code::bad_input,
                    fmt::format("concept heads: the outputs of all {} heads are alike on all {} prompts, so "
                                "there is nothing to rank heads by; expected heads that tell prompts apart: "
                                "check the model with `tiller doctor`",
                                n_all, outputs.size()));
    return out;
}

}  // namespace tiller
