// Tables of the crossed design, computed from the records.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "study/crossed/crossed.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using nlohmann::json;

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr Interval unknown = {none, none, none};

struct Score {
    const char* name;   // in records
    const char* label;  // for people
};

// The first one is the primary metric.
std::vector<Score> scores_of(bool behavioural) {
    if (behavioural) return {{"style", "style"}};
    return {{"first_token", "first token"}, {"exact", "whole answer"}, {"logprob", "log p"}};
}

// [item][cell] over the items that have the score in every cell.
ItemsByCells table_of(const std::vector<CrossedCell>& cells, const BySetting& test, const char* score) {
    std::map<int, std::vector<double>> rows;
    for (const auto& cell : cells)
        for (const auto& [item, value] : values_of(test.at(cell.id()), score)) rows[item].push_back(value);
    ItemsByCells out;
    for (auto& [item, row] : rows)
        if (row.size() == cells.size()) out.push_back(std::move(row));
    return out;
}

std::string effect_text(std::uint32_t set) {
    if (set == 0) return "three factors and more";
    std::string text;
    for (std::size_t f = 0; f < n_crossed_factor; ++f)
        if (set >> f & 1) text += fmt::format("{}{}", text.empty() ? "" : " x ", crossed_factors()[f].name);
    return text;
}

// "fv 0.41, icv 0.12": the means of a factor's levels over all cells.
std::string level_means(const CrossedPlan& plan, std::size_t f, const std::vector<CrossedCell>& cells,
                        const ItemsByCells& values) {
    std::string text;
    for (const auto& level : plan.*crossed_factors()[f].levels) {
        double sum = 0;
        std::size_t n = 0;
        for (std::size_t c = 0; c < cells.size(); ++c) {
            if (cells[c].levels[f] != level) continue;
            for (const auto& row : values) sum += row[c];
            n += values.size();
        }
        text += fmt::format("{}{} {:.2f}", text.empty() ? "" : ", ", level,
                            n > 0 ? sum / static_cast<double>(n) : none);
    }
    return text;
}

// Of the items: one text for all of them can score as well as a rewritten sentence.
double different_outputs(const std::vector<const json*>& records) {
    std::set<std::string> texts;
    for (const json* record : records) texts.insert(record->value("generated", ""));
    return static_cast<double>(texts.size()) / static_cast<double>(records.size());
}

AnalysisSummary cells_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    const bool behavioural = t.family == "behavioural";
    AnalysisSummary out;
    out.id = "cells";
    out.title = "Cells of the design";
    out.head = "source, place, positions, operation";
    out.note =
        "Each cell at the dose (and each one-layer place in the layer) that the validation items chose. "
        "Dose: "
        "length of what is added over the length of the activation, summed over the edited layers. Intervals "
        "are over test items; \"over unsteered\" is paired by item. A highest cell is picked on the test "
        "items "
        "and therefore too good.";
    out.columns = {behavioural ? "style" : "first token", "over unsteered"};
    if (behavioural)
        out.columns.insert(out.columns.end(), {"collapsed", "perplexity", "different outputs"});
    else
        out.columns.insert(out.columns.end(), {"whole answer", "log p over unsteered"});
    out.columns.insert(out.columns.end(), {"dose", "layer"});
    const auto [least, most] = std::minmax_element(plan.crossed.doses.begin(), plan.crossed.doses.end());
    for (const auto& setting : records.closing.at("cells")) {
        const std::string id = setting.at("id");
        const auto mean = [&](const char* score) {
            std::vector<double> values;
            for (const auto& [item, value] : values_of(records.test.at(id), score)) values.push_back(value);
            return values.empty() ? unknown : bootstrap_mean(values, plan.n_bootstrap, t.seed);
        };
        const auto gain = [&](const std::string& score) {
            const auto [x, y] = paired(records.test, id, "zero-shot", score);
            return x.empty() ? unknown : bootstrap_difference(x, y, plan.n_bootstrap, t.seed);
        };
        AnalysisRow row{id, {mean(t.primary.c_str()), gain(t.primary)}, ""};
        if (behavioural) {
            const Interval nll = mean("perplexity");
            row.values.push_back(mean("collapsed"));
            row.values.push_back({std::exp(nll.mean), std::exp(nll.low), std::exp(nll.high)});
            row.values.push_back(plain_number(different_outputs(records.test.at(id))));
        } else {
            row.values.push_back(mean("exact"));
            row.values.push_back(gain("logprob"));
        }
        const json& values = setting.at("setting");
        const double dose = values.at("dose");
        row.values.push_back(plain_number(dose));
        row.values.push_back(plain_number(values.value("layer", none)));
        for (const auto& [set, school] : {std::pair(0, "FV"), std::pair((1 << n_crossed_factor) - 1, "ICV")})
            if (const auto corner = crossed_corner(plan.crossed, static_cast<std::size_t>(set));
                corner && corner->id() == id)
                row.remark = fmt::format("{}'s own cell", school);
        if (*least < *most && (dose == *least || dose == *most))
            row.remark += fmt::format("{}{} dose tried", row.remark.empty() ? "" : "; ",
                                      dose == *least ? "smallest" : "largest");
        out.rows.push_back(std::move(row));
    }
    return out;
}

AnalysisSummary factors_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    const auto cells = crossed_cells(plan.crossed);
    const Factorial design = crossed_factorial(plan.crossed);
    AnalysisSummary out;
    out.id = "factors";
    out.headline = true;
    out.title = "Which factor the differences between the cells come from";
    out.head = "effect";
    std::vector<VarianceShares> shares;
    std::string dropped;
    const auto scores = scores_of(t.family == "behavioural");
    for (const auto& score : scores) {
        const auto values = table_of(cells, records.test, score.name);
        shares.push_back(variance_shares(design, values, plan.n_bootstrap, t.seed));
        out.columns.emplace_back(score.label);
        const auto missing = static_cast<std::size_t>(t.n_test) - values.size();
        if (missing > 0)
            dropped += fmt::format(" {} of {} items have no {} in some cell and are left out of it.", missing,
                                   t.n_test, score.label);
    }
    out.columns.push_back(fmt::format("{}: of all variance", scores.front().label));
    const auto primary = table_of(cells, records.test, scores.front().name);
    const auto& effects = shares.front().effects;
    for (std::size_t k = 0; k < effects.size(); ++k) {
        const auto set = effects[k].factors;
        // A factor with one level has no effect to speak of.
        bool varies = true;
        for (std::size_t f = 0; f < n_crossed_factor; ++f)
            varies = varies && (!(set >> f & 1) || (plan.crossed.*crossed_factors()[f].levels).size() > 1);
        if (!varies) continue;
        AnalysisRow row{effect_text(set), {}, ""};
        for (const auto& s : shares) row.values.push_back(s.effects[k].of_cells);
        row.values.push_back(effects[k].of_all);
        if (std::popcount(set) == 1)
            row.remark =
                level_means(plan.crossed, static_cast<std::size_t>(std::countr_zero(set)), cells, primary);
        out.rows.push_back(std::move(row));
    }
    for (const auto& [label, value] :
         {std::pair("all of the design", shares.front().cells), std::pair("items", shares.front().items),
          std::pair("the rest", shares.front().rest)}) {
        out.rows.push_back({label, std::vector<Interval>(scores.size(), unknown), ""});
        out.rows.back().values.push_back(value);
    }
    out.note = fmt::format(
        "Analysis of variance of the balanced design of {} cells with items as blocks. The first {}: share "
        "of "
        "the variance of the cells' means that an effect accounts for (eta squared without what noise adds; "
        "an effect that is not there is estimated around 0, and may be below). The last column: share of all "
        "variance of the items' scores. No number: the cells are not told apart. Remarks: means of the "
        "levels.{}{}",
        cells.size(), scores.size() == 1 ? "column" : fmt::format("{} columns", scores.size()),
        t.family == "behavioural"
            ? ""
            : " Edits at generated tokens cannot change the first token, so that \"prompt\" and \"all\" are "
              "the same for first token and log p.",
        dropped);
    return out;
}

// [set of factors at the ICV's level][item]; empty when the plan lacks a level of either school.
std::vector<std::vector<double>> corners_of(const Plan& plan, const BySetting& test, const char* score) {
    std::vector<CrossedCell> cells;
    for (std::size_t set = 0; set < std::size_t{1} << n_crossed_factor; ++set) {
        const auto corner = crossed_corner(plan.crossed, set);
        if (!corner) return {};
        cells.push_back(*corner);
    }
    std::vector<std::vector<double>> out(cells.size());
    for (const auto& row : table_of(cells, test, score))
        for (std::size_t c = 0; c < row.size(); ++c) out[c].push_back(row[c]);
    return out;
}

std::optional<AnalysisSummary> gap_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    AnalysisSummary out;
    out.id = "gap";
    out.headline = true;
    out.title = "From the function vector's cell to the in-context vector's";
    out.head = "what is changed";
    out.note =
        "The way from the FV's own cell (fv residual-one steered add) to the ICV's (icv mlp-all all turn) "
        "changes four factors. A factor's part is its mean contribution over all 24 orders (Shapley value); "
        "the parts add up to the gap. \"First\" and \"last\": its contribution when it is changed before and "
        "after all others. \"Largest in\": share of resamples of the items in which its part is the largest "
        "in size. Negative: the score falls on the way to the ICV.";
    std::vector<GapShares> gaps;
    const auto scores = scores_of(t.family == "behavioural");
    for (const auto& score : scores) {
        const auto corners = corners_of(plan, records.test, score.name);
        if (corners.empty()) return std::nullopt;
        gaps.push_back(gap_shares(n_crossed_factor, corners, plan.n_bootstrap, t.seed));
    }
    out.columns = {scores.front().label, "first", "last", "largest in"};
    for (std::size_t s = 1; s < scores.size(); ++s) out.columns.emplace_back(scores[s].label);
    out.rows.push_back({"all four", {gaps[0].gap, unknown, unknown, unknown}, ""});
    for (std::size_t f = 0; f < n_crossed_factor; ++f) {
        const auto& factor = crossed_factors()[f];
        const PathShare& p = gaps[0].factors[f];
        out.rows.push_back({factor.name,
                            {p.average, p.first, p.last, plain_number(p.largest)},
                            fmt::format("{} to {}", factor.fv, factor.icv)});
    }
    for (std::size_t s = 1; s < scores.size(); ++s) {
        out.rows[0].values.push_back(gaps[s].gap);
        for (std::size_t f = 0; f < n_crossed_factor; ++f)
            out.rows[f + 1].values.push_back(gaps[s].factors[f].average);
    }
    return out;
}

}  // namespace

void analyse_crossed(const Plan& plan, const TaskRecords& records, TaskSummary& t) {
    t.analyses.push_back(factors_table(plan, records, t));
    if (auto gap = gap_table(plan, records, t)) t.analyses.push_back(std::move(*gap));
    t.analyses.push_back(cells_table(plan, records, t));
}

}  // namespace tiller::study
