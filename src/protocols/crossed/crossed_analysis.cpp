// Tables of the crossed design, computed from the records.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <tuple>

#include "protocols/crossed/crossed.h"

namespace tiller::study {
namespace {

struct Score {
    const char* name;   // of the metric, and the id of its column
    const char* label;  // for people
};

// The first one is the primary metric.
std::vector<Score> scores_of(const TaskSummary& t) {
    if (t.behavioural()) return {{t.primary.c_str(), "style"}};
    return {{"first_token", "first token"}, {"exact", "whole answer"}, {"logprob", "log p"}};
}

// [cell][item], for the items that have the score in every cell.
std::vector<std::vector<double>> by_cell(const std::vector<CrossedCell>& cells, const BySetting& test,
                                         const char* score) {
    std::vector<std::string> ids;
    for (const auto& cell : cells) ids.push_back(cell.id());
    return aligned(test, ids, score);
}

// The same as [item][cell].
ItemsByCells by_item(const std::vector<CrossedCell>& cells, const BySetting& test, const char* score) {
    const auto columns = by_cell(cells, test, score);
    ItemsByCells out(columns.front().size());
    for (std::size_t i = 0; i < out.size(); ++i)
        for (const auto& column : columns) out[i].push_back(column[i]);
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
                            n > 0 ? sum / static_cast<double>(n) : no_number().mean);
    }
    return text;
}

// Share of different texts among the outputs. It shows a steered model that writes the same well-scoring text
// for every item.
double different_outputs(const std::vector<ItemRecord>& records) {
    std::set<std::string> texts;
    for (const ItemRecord& record : records) texts.insert(record.generated.value_or(""));
    return static_cast<double>(texts.size()) / static_cast<double>(records.size());
}

// Says whose own cell it is, and whether the chosen dose is at an end of the doses tried.
std::string cell_remark(const CrossedPlan& plan, const std::string& id, double dose) {
    const std::string school = school_of(plan, id);
    std::string remark = school.empty() ? "" : school + "'s own cell";
    const auto [least, most] = std::minmax_element(plan.doses.begin(), plan.doses.end());
    if (*least < *most && (dose == *least || dose == *most))
        remark += fmt::format("{}{} dose tried", remark.empty() ? "" : "; ",
                              dose == *least ? "smallest" : "largest");
    return remark;
}

AnalysisSummary cells_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    AnalysisSummary out{"cells", "Cells of the design",
                        "Each cell at the dose (and each one-layer place in the layer) that the validation "
                        "items chose. Dose: length of what is added over the length of the activation, "
                        "summed over the edited layers. Intervals are over test items; \"over unsteered\" is "
                        "paired by item. A highest cell is picked on the test items and therefore too good.",
                        "source, place, positions, operation"};
    if (t.behavioural())
        out.columns = {{"style", "style"},
                       {"gain", "over unsteered"},
                       {"collapsed", "collapsed"},
                       {"perplexity", "perplexity"},
                       {"different", "different outputs"}};
    else
        out.columns = {{"first_token", "first token"},
                       {"gain", "over unsteered"},
                       {"exact", "whole answer"},
                       {"logprob_gain", "log p over unsteered"}};
    out.columns.insert(out.columns.end(), {{"dose", "dose"}, {"layer", "layer"}});
    const Scores scores(records.test, plan.n_bootstrap, t.seed);
    for (const auto& cell : records.closing.part<CrossedClosing>().cells) {
        AnalysisRow row{
            cell.id,
            cell.id,
            {scores.mean(cell.id, t.primary), scores.difference(cell.id, zero_shot_id, t.primary)},
            cell_remark(plan.crossed, cell.id, cell.setting.at("dose"))};
        if (t.behavioural()) {
            row.values.push_back(scores.mean(cell.id, "collapsed"));
            row.values.push_back(scores.mean(cell.id, "perplexity"));
            row.values.push_back(plain_number(different_outputs(records.test.at(cell.id))));
        } else {
            row.values.push_back(scores.mean(cell.id, "exact"));
            row.values.push_back(scores.difference(cell.id, zero_shot_id, "logprob"));
        }
        row.values.push_back(plain_number(cell.setting.at("dose")));
        const auto layer = cell.setting.find("layer");
        row.values.push_back(layer == cell.setting.end() ? no_number() : plain_number(layer->second));
        out.rows.push_back(std::move(row));
    }
    return out;
}

// Has every factor of the set two levels or more? A factor with one level has no effect.
bool varies(const CrossedPlan& plan, std::uint32_t set) {
    for (std::size_t f = 0; f < n_crossed_factor; ++f)
        if (set >> f & 1 && (plan.*crossed_factors()[f].levels).size() < 2) return false;
    return true;
}

AnalysisSummary factors_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    const auto cells = crossed_cells(plan.crossed);
    const Factorial design = crossed_factorial(plan.crossed);
    AnalysisSummary out{"factors", "Which factor the differences between the cells come from", "", "effect"};
    out.headline = true;
    std::vector<VarianceShares> shares;
    std::string dropped;
    const auto scores = scores_of(t);
    for (const auto& score : scores) {
        const auto values = by_item(cells, records.test, score.name);
        shares.push_back(variance_shares(design, values, plan.n_bootstrap, t.seed));
        out.columns.push_back({score.name, score.label});
        const auto missing = static_cast<std::size_t>(t.n_test) - values.size();
        if (missing > 0)
            dropped += fmt::format(" {} of {} items have no {} in some cell and are left out of it.", missing,
                                   t.n_test, score.label);
    }
    out.columns.push_back({"of_all", fmt::format("{}: of all variance", scores.front().label)});
    const auto primary = by_item(cells, records.test, scores.front().name);
    const auto& effects = shares.front().effects;
    for (std::size_t k = 0; k < effects.size(); ++k) {
        const auto set = effects[k].factors;
        if (!varies(plan.crossed, set)) continue;
        AnalysisRow row{set == 0 ? "higher" : effect_text(set), effect_text(set), {}};
        for (const auto& s : shares) row.values.push_back(s.effects[k].of_cells);
        row.values.push_back(effects[k].of_all);
        if (std::popcount(set) == 1)
            row.remark =
                level_means(plan.crossed, static_cast<std::size_t>(std::countr_zero(set)), cells, primary);
        out.rows.push_back(std::move(row));
    }
    for (const auto& [id, label, value] : {std::tuple("cells", "all of the design", shares.front().cells),
                                           std::tuple("items", "items", shares.front().items),
                                           std::tuple("rest", "the rest", shares.front().rest)}) {
        out.rows.push_back({id, label, std::vector<Interval>(scores.size(), no_number())});
        out.rows.back().values.push_back(value);
    }
    out.note = fmt::format(
        "Analysis of variance of the balanced design of {} cells with items as blocks. The first {}: share "
        "of the variance of the cells' means that an effect accounts for (eta squared without what noise "
        "adds; an effect that is not there is estimated around 0, and may be below). The last column: share "
        "of all variance of the items' scores. No number: the cells are not told apart. Remarks: means of "
        "the levels.{}{}",
        cells.size(), scores.size() == 1 ? "column" : fmt::format("{} columns", scores.size()),
        t.behavioural() ? ""
                        : " Edits at generated tokens cannot change the first token, so that \"prompt\" and "
                          "\"all\" are the same for first token and log p.",
        dropped);
    return out;
}

// [set of factors at the ICV's level][item]; empty when the plan lacks a level of FV's or ICV's own cell.
std::vector<std::vector<double>> corners_of(const Plan& plan, const BySetting& test, const char* score) {
    std::vector<CrossedCell> cells;
    for (std::size_t set = 0; set < std::size_t{1} << n_crossed_factor; ++set) {
        const auto corner = crossed_corner(plan.crossed, set);
        if (!corner) return {};
        cells.push_back(*corner);
    }
    return by_cell(cells, test, score);
}

std::optional<AnalysisSummary> gap_table(const Plan& plan, const TaskRecords& records, const TaskSummary& t) {
    AnalysisSummary out{
        "gap", "From the function vector's cell to the in-context vector's",
        "The way from the FV's own cell (fv residual-one steered add) to the ICV's (icv mlp-all all turn) "
        "changes four factors. A factor's part is its mean contribution over all 24 orders (Shapley value); "
        "the parts add up to the gap. \"First\" and \"last\": its contribution when it is changed before and "
        "after all others. \"Largest in\": share of resamples of the items in which its part is the largest "
        "in size. Negative: the score falls on the way to the ICV.",
        "what is changed"};
    out.headline = true;
    std::vector<GapShares> gaps;
    const auto scores = scores_of(t);
    for (const auto& score : scores) {
        const auto corners = corners_of(plan, records.test, score.name);
        if (corners.empty()) return std::nullopt;
        gaps.push_back(gap_shares(n_crossed_factor, corners, scale_of(score.name), plan.n_bootstrap, t.seed));
    }
    out.columns = {{scores.front().name, scores.front().label},
                   {"first", "first"},
                   {"last", "last"},
                   {"largest", "largest in"}};
    for (std::size_t s = 1; s < scores.size(); ++s) out.columns.push_back({scores[s].name, scores[s].label});
    out.rows.push_back({whole_gap, "all four", {gaps[0].gap, no_number(), no_number(), no_number()}});
    for (std::size_t f = 0; f < n_crossed_factor; ++f) {
        const auto& factor = crossed_factors()[f];
        const PathShare& p = gaps[0].factors[f];
        out.rows.push_back({factor.name,
                            factor.name,
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

void Crossed::analyse(const Plan& plan, const TaskRecords& records, TaskSummary& t) const {
    t.analyses.push_back(factors_table(plan, records, t));
    if (auto gap = gap_table(plan, records, t)) t.analyses.push_back(std::move(*gap));
    t.analyses.push_back(cells_table(plan, records, t));
}

}  // namespace tiller::study
