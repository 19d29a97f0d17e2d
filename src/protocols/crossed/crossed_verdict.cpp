// What the crossed design found: over the tasks of a run, and in sentences.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "protocols/crossed/crossed.h"
#include "study/phrases.h"

namespace tiller::study {
namespace {

const Interval* of_setting(const TaskSummary& t, const std::string& id) {
    const SettingSummary* s = t.find(id);
    return s ? s->metric(t.primary) : nullptr;
}

// "-31 points [-45, -16]", for log-probabilities "-2.10 nats [-2.80, -1.40]".
std::string size_of(const Interval& i, const std::string& score = "") {
    return score == "logprob"
               ? fmt::format("{:+.2f} nats [{:+.2f}, {:+.2f}]", i.mean, i.low, i.high)
               : fmt::format("{:+.0f} points [{:+.0f}, {:+.0f}]", 100 * i.mean, 100 * i.low, 100 * i.high);
}

// The score that sentences are about: the first one for which any row is clearly off zero, else the first
// one. The primary metric comes first.
std::size_t telling_column(const AnalysisSummary& table) {
    const std::set<std::string> others = {"first", "last", "largest", "of_all"};
    for (std::size_t k = 0; k < table.columns.size(); ++k) {
        if (others.contains(table.columns[k].id)) continue;
        for (const auto& row : table.rows)
            if (off_zero(row.values[k])) return k;
    }
    return 0;
}

std::string gap_text(const TaskSummary& t, const AnalysisSummary& gap) {
    constexpr std::size_t all = (std::size_t{1} << n_crossed_factor) - 1;
    const CrossedPlan both;  // the default plan has both own cells; their ids are the same in every plan
    std::string text;
    const AnalysisRow& whole = *gap.row(whole_gap);
    const Interval *fv = of_setting(t, crossed_corner(both, 0)->id()),
                   *icv = of_setting(t, crossed_corner(both, all)->id());
    if (fv && icv)
        text = fmt::format("FV in its own cell {}, ICV in its own {}: {}{}. ", percent(fv->mean),
                           percent(icv->mean), size_of(whole.values[0]),
                           off_zero(whole.values[0]) ? "" : ", no difference shown");
    const std::size_t k = telling_column(gap);
    const AnalysisColumn& score = gap.columns[k];
    if (k > 0) text += fmt::format("By {}: {}. ", score.label, size_of(whole.values[k], score.id));
    const AnalysisRow* most = nullptr;
    for (const auto& factor : crossed_factors()) {
        const AnalysisRow* row = gap.row(factor.name);
        if (!most || std::abs(row->values[k].mean) > std::abs(most->values[k].mean)) most = row;
    }
    const Interval& part = most->values[k];
    if (part.mean == 0) return text + "No factor carries a part of it. ";
    return text + fmt::format("The largest part of the way comes from the {} ({}): {}{}{}. ", most->label,
                              most->remark, size_of(part, score.id),
                              k > 0 ? ""
                                    : fmt::format(", the largest in {} of resamples",
                                                  percent(gap.at(*most, "largest").mean)),
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
    return fmt::format("Over all cells, {} accounts for {} [{:.0f}, {:.0f}] of the differences in {}{}.",
                       most->label, percent(share.mean), 100 * share.low, 100 * share.high,
                       factors.columns[k].label,
                       most->remark.empty() || k > 0 ? "" : " (" + most->remark + ")");
}

// The tasks of a family whose plan has both FV's and ICV's own cell.
Tasks with_gap(const Summary& summary, bool behavioural) {
    Tasks tasks = tasks_of(summary, behavioural);
    std::erase_if(tasks, [](const auto* t) { return !t->analysis("gap"); });
    return tasks;
}

Interval part_of(const TaskSummary& t, const std::string& row) {
    return t.analysis("gap")->row(row)->values[0];
}

// Columns of the table over tasks: the rows of each task's table "gap", in their order.
std::vector<AnalysisColumn> parts() {
    std::vector<AnalysisColumn> out = {{whole_gap, "gap, ICV minus FV"}};
    for (const auto& factor : crossed_factors()) out.push_back({factor.name, factor.name});
    return out;
}

std::string task_label(const Summary& summary, const TaskSummary& t) {
    const bool again = std::any_of(summary.tasks.begin(), summary.tasks.end(), [&](const auto& other) {
        return other.name == t.name && other.model == t.model && other.seed != t.seed;
    });
    return (summary.models.size() > 1 ? t.model + ": " : "") + t.name +
           (again ? fmt::format(", seed {}", t.seed) : "");
}

}  // namespace

void Crossed::analyse_run(const Plan&, const std::vector<TaskRecords>&, Summary& summary) const {
    for (const bool behavioural : {false, true}) {
        const Tasks tasks = with_gap(summary, behavioural);
        if (tasks.size() < 2) continue;
        AnalysisSummary out{
            "gaps",
            fmt::format("Parts of the gap between FV and ICV, {}",
                        behavioural ? "behavioural tasks (style)" : "precise answers (first token)"),
            "Each task's table \"From the function vector's cell to the in-context vector's\", its first "
            "column. Intervals are over the items of a task; the mean over tasks has none.",
            "task", parts()};
        std::vector<std::vector<double>> values(out.columns.size());
        for (const auto* t : tasks) {
            AnalysisRow row{task_label(summary, *t), task_label(summary, *t), {}};
            for (std::size_t k = 0; k < values.size(); ++k) {
                row.values.push_back(part_of(*t, out.columns[k].id));
                values[k].push_back(row.values.back().mean);
            }
            out.rows.push_back(std::move(row));
        }
        AnalysisRow mean{"mean", "mean over tasks", {}};
        for (const auto& column : values) mean.values.push_back(plain_number(mean_of(column)));
        out.rows.push_back(std::move(mean));
        summary.analyses.push_back(std::move(out));
    }
}

std::string Crossed::verdict(const Plan&, const TaskSummary& t) const {
    std::string text;
    if (const auto* gap = t.analysis("gap")) text = gap_text(t, *gap);
    if (const auto* factors = t.analysis("factors")) text += factors_text(*factors);
    return text;
}

std::vector<std::string> Crossed::findings(const Plan&, const Summary& summary) const {
    std::vector<std::string> out;
    for (const bool behavioural : {false, true}) {
        const Tasks tasks = with_gap(summary, behavioural);
        if (tasks.empty()) continue;
        const auto points = [&](const std::string& part) {
            std::vector<double> means;
            for (const auto* t : tasks) means.push_back(part_of(*t, part).mean);
            return 100 * mean_of(means);
        };
        std::vector<std::string> shares;
        for (const auto& factor : crossed_factors()) {
            const auto n_shown = std::count_if(tasks.begin(), tasks.end(), [&](const auto* t) {
                return off_zero(part_of(*t, factor.name));
            });
            shares.push_back(
                fmt::format("{} {:+.0f} (off zero on {})", factor.name, points(factor.name), n_shown));
        }
        out.push_back(fmt::format(
            "On {}, ICV in its own cell minus FV in its own: {:+.0f} points on average; parts of the "
            "factors, averaged over orders: {}.",
            n_tasks(tasks.size(), family_word(behavioural)), points(whole_gap), fmt::join(shares, ", ")));
    }
    return out;
}

}  // namespace tiller::study
