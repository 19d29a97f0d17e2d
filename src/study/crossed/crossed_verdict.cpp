// What the crossed design found: over the tasks of a run, and in sentences.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/crossed/crossed.h"
#include "study/summary_parts.h"

namespace tiller::study {
namespace {

const Interval* of_setting(const TaskSummary& t, const std::string& id) {
    const SettingSummary* s = find_setting(t, id);
    return s ? metric_of(*s, t.primary) : nullptr;
}

bool off_zero(const Interval& i) { return i.low > 0 || i.high < 0; }

// "-31 points [-45, -16]", for log-probabilities "-2.10 nats [-2.80, -1.40]".
std::string size_of(const Interval& i, const std::string& score) {
    return score == "log p"
               ? fmt::format("{:+.2f} nats [{:+.2f}, {:+.2f}]", i.mean, i.low, i.high)
               : fmt::format("{:+.0f} points [{:+.0f}, {:+.0f}]", 100 * i.mean, 100 * i.low, 100 * i.high);
}

// The column to speak of: the first one with something to say, by rising distance from what is scored.
std::size_t telling_column(const AnalysisSummary& table) {
    for (std::size_t k = 0; k < table.columns.size(); ++k) {
        const auto& column = table.columns[k];
        if (column == "first" || column == "last" || column == "largest in" ||
            column.find(':') != column.npos)
            continue;
        for (const auto& row : table.rows)
            if (off_zero(row.values[k])) return k;
    }
    return 0;
}

std::string gap_text(const TaskSummary& t, const AnalysisSummary& gap) {
    constexpr std::size_t all = (std::size_t{1} << n_crossed_factor) - 1;
    const CrossedPlan both;  // the schools' cells have the same names in every plan
    std::string text;
    const Interval *fv = of_setting(t, crossed_corner(both, 0)->id()),
                   *icv = of_setting(t, crossed_corner(both, all)->id());
    if (fv && icv)
        text = fmt::format("FV in its own cell {:.0f} %, ICV in its own {:.0f} %: {}{}. ", 100 * fv->mean,
                           100 * icv->mean, size_of(gap.rows[0].values[0], ""),
                           off_zero(gap.rows[0].values[0]) ? "" : ", no difference shown");
    const std::size_t k = telling_column(gap);
    const std::string& score = gap.columns[k];
    if (k > 0) text += fmt::format("By {}: {}. ", score, size_of(gap.rows[0].values[k], score));
    const AnalysisRow* most = &gap.rows[1];
    for (std::size_t r = 1; r < gap.rows.size(); ++r)
        if (std::abs(gap.rows[r].values[k].mean) > std::abs(most->values[k].mean)) most = &gap.rows[r];
    const Interval& part = most->values[k];
    if (part.mean == 0) return text + "No factor carries a part of it. ";
    return text +
           fmt::format(
               "The largest part of the way comes from the {} ({}): {}{}{}. ", most->label, most->remark,
               size_of(part, score),
               k > 0 ? "" : fmt::format(", the largest in {:.0f} % of resamples", 100 * most->values[3].mean),
               off_zero(part) ? "" : ", not told from 0");
}

std::string factors_text(const AnalysisSummary& factors) {
    const std::size_t k = telling_column(factors);
    const AnalysisRow* most = nullptr;
    for (const auto& row : factors.rows)
        if (std::isfinite(row.values[k].mean) && (!most || row.values[k].mean > most->values[k].mean))
            most = &row;
    if (!most) return "The cells of the design are not told apart.";
    const Interval& share = most->values[k];
    return fmt::format(
        "Over all cells, {} accounts for {:.0f} % [{:.0f}, {:.0f}] of the differences in {}{}.", most->label,
        100 * share.mean, 100 * share.low, 100 * share.high, factors.columns[k],
        most->remark.empty() || k > 0 ? "" : " (" + most->remark + ")");
}

}  // namespace

void analyse_crossed_run(Summary& summary) {
    if (summary.tasks.size() < 2) return;
    for (const bool behavioural : {false, true}) {
        AnalysisSummary out;
        out.id = "gaps";
        out.title = fmt::format("Parts of the gap between FV and ICV, {}",
                                behavioural ? "behavioural tasks (style)" : "precise answers (first token)");
        out.head = "task";
        out.columns = {"gap, ICV minus FV"};
        for (const auto& factor : crossed_factors()) out.columns.emplace_back(factor.name);
        out.note =
            "Each task's table \"From the function vector's cell to the in-context vector's\", its "
            "first column. Intervals are over the items of a task; the mean over tasks has none.";
        std::vector<double> sum(out.columns.size(), 0.0);
        for (const auto& t : summary.tasks) {
            const auto* gap = find_analysis(t.analyses, "gap");
            if (!gap || (t.family == "behavioural") != behavioural) continue;
            AnalysisRow row{t.name, {}, ""};
            if (summary.models.size() > 1) row.label = t.model + ": " + row.label;
            for (std::size_t k = 0; k < gap->rows.size(); ++k) {
                row.values.push_back(gap->rows[k].values[0]);
                sum[k] += row.values.back().mean;
            }
            const bool again =
                std::any_of(summary.tasks.begin(), summary.tasks.end(), [&](const auto& other) {
                    return other.name == t.name && other.model == t.model && other.seed != t.seed;
                });
            if (again) row.label += fmt::format(", seed {}", t.seed);
            out.rows.push_back(std::move(row));
        }
        if (out.rows.size() < 2) continue;
        AnalysisRow mean{"mean over tasks", {}, ""};
        for (const double s : sum)
            mean.values.push_back(plain_number(s / static_cast<double>(out.rows.size())));
        out.rows.push_back(std::move(mean));
        summary.analyses.push_back(std::move(out));
    }
}

std::string crossed_verdict(const TaskSummary& t) {
    std::string text;
    if (const auto* gap = find_analysis(t.analyses, "gap")) text = gap_text(t, *gap);
    if (const auto* factors = find_analysis(t.analyses, "factors")) text += factors_text(*factors);
    return text;
}

std::vector<std::string> crossed_findings(const Summary& summary) {
    std::vector<std::string> out;
    for (const bool behavioural : {false, true}) {
        std::array<int, n_crossed_factor> n_shown{};
        std::array<double, n_crossed_factor> sum{};
        double gap_sum = 0;
        int n = 0;
        for (const auto& t : summary.tasks) {
            const auto* gap = find_analysis(t.analyses, "gap");
            if (!gap || (t.family == "behavioural") != behavioural) continue;
            ++n;
            gap_sum += gap->rows[0].values[0].mean;
            for (std::size_t f = 0; f < n_crossed_factor; ++f) {
                n_shown[f] += off_zero(gap->rows[f + 1].values[0]);
                sum[f] += gap->rows[f + 1].values[0].mean;
            }
        }
        if (n == 0) continue;
        std::string parts;
        for (std::size_t f = 0; f < n_crossed_factor; ++f)
            parts += fmt::format("{}{} {:+.0f} (off zero on {})", parts.empty() ? "" : ", ",
                                 crossed_factors()[f].name, 100 * sum[f] / n, n_shown[f]);
        out.push_back(fmt::format(
            "On {} {} task{}, ICV in its own cell minus FV in its own: {:+.0f} points "
            "on average; parts of the factors, averaged over orders: {}.",
            n, behavioural ? "behavioural" : "precise-answer", n == 1 ? "" : "s", 100 * gap_sum / n, parts));
    }
    return out;
}

}  // namespace tiller::study
