// What the protocol of equal doses computes from a task's records.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/names.h"
#include "protocols/dose/dose.h"

namespace tiller::study {
namespace {

// A row about a method or its control.
AnalysisRow row_of(const std::string& method, bool control, std::size_t n_column) {
    return {.id = control ? random_id(method) : method,
            .label = control ? "random for " + method_title(method) : method_title(method),
            .values = std::vector<Interval>(n_column, no_number()),
            .about = {{"method", method}, {"role", control ? "control" : "method"}}};
}

std::string remark_of(const DoseEntry& e) {
    if (e.reached()) return "";
    if (e.outcome == DoseOutcome::jumps)
        return fmt::format("not reached: the dose jumps; nearest {:.3g} nats at strength {:.3g}", e.dose,
                           e.strength);
    return fmt::format("not reachable: at most {:.3g} nats, at strength {:.3g}", e.dose, e.strength);
}

// A row about a method at a target; without numbers when the dose was not reached.
template <class Cells>
AnalysisRow row_of(const DoseEntry& e, std::size_t n_column, const Cells& cells) {
    AnalysisRow row = row_of(e.method, e.control, n_column);
    row.id += fmt::format(" {}", e.target);
    row.remark = remark_of(e);
    if (e.reached()) row.values = cells();
    row.values[0] = plain_number(e.target);
    row.setting = {{"target", e.target}};
    return row;
}

// The tables of one task.
class DoseTables {
public:
    DoseTables(const Plan& plan, const TaskRecords& records, const TaskSummary& task)
        : plan_(plan),
          task_(task),
          closing_(records.closing.part<DoseClosing>()),
          test_(records.test),
          damage_(by_setting(records.units, closing_.damage_units)),
          scores_(test_, plan.n_bootstrap, task.seed),
          damage_scores_(damage_, plan.n_bootstrap, task.seed) {}

    const Scores& scores() const { return scores_; }
    /// The metric on the unrelated task: unsteered minus steered.
    Interval loss(const std::string& id, const std::string& metric) const {
        return damage_scores_.difference(zero_shot_id, id, metric);
    }

    AnalysisSummary frontier() const {
        AnalysisSummary a{"frontier", "Effect against damage at equal dose", "", "method"};
        a.columns = {
            {"dose", "dose"}, {"effect", "effect"}, {"damage", "damage"}, {"logprob_lost", "log p lost"}};
        if (task_.behavioural())
            a.columns.insert(a.columns.end(), {{"perplexity", "perplexity"}, {"collapsed", "collapsed"}});
        a.columns.push_back({"strength", "strength"});
        a.headline = true;
        const auto unsteered = list_of(values_of(damage_.at(zero_shot_id), "first_token"));
        a.note = fmt::format(
            "Dose: mean KL(steered || unsteered) of the next-token distribution on validation items, nats. "
            "Effect: {} gained over the unsteered run, paired over test items. Damage: share of right first "
            "tokens lost on {}, prompted with demonstrations and steered all the same (unsteered {:.0f} %), "
            "paired over its items; log p lost: log-probability of the right answer there, nats. 95 % "
            "intervals.",
            task_.behavioural() ? "style score" : "first-token accuracy", closing_.unrelated,
            100 * mean_of(unsteered));
        for (const DoseEntry& e : closing_.doses)
            a.rows.push_back(row_of(e, a.columns.size(), [&] {
                std::vector<Interval> cells = {plain_number(e.target), gain(e.setting, task_.primary),
                                               loss(e.setting, "first_token"), loss(e.setting, "logprob")};
                if (task_.behavioural()) {
                    cells.push_back(scores_.mean(e.setting, "perplexity"));
                    cells.push_back(scores_.mean(e.setting, "collapsed"));
                }
                cells.push_back(plain_number(e.strength));
                return cells;
            }));
        return a;
    }

    AnalysisSummary response() const {
        AnalysisSummary a{
            "response", "Effect against dose",
            "Entropy of the next-token distribution and its divergence from the unsteered one on test items, "
            "nats; dose measured: on the validation items, at the strength found.",
            "method"};
        a.columns = {{"dose", "dose"}, {"effect", "effect"}};
        if (!task_.behavioural()) a.columns.push_back({"logprob_gained", "log p gained"});
        a.columns.insert(
            a.columns.end(),
            {{"entropy", "entropy"}, {"kl", "KL on test items"}, {"dose_measured", "dose measured"}});
        // The cells of a row between the first and the last column.
        const auto cells = [&](const std::string& id) {
            const bool plain = id == zero_shot_id;
            std::vector<Interval> out = {plain ? no_number() : gain(id, task_.primary)};
            if (!task_.behavioural()) out.push_back(plain ? no_number() : gain(id, "logprob"));
            out.push_back(scores_.mean(id, "entropy"));
            out.push_back(plain ? plain_number(0) : scores_.mean(id, "kl"));
            return out;
        };
        for (const DoseEntry& e : closing_.doses)
            a.rows.push_back(row_of(e, a.columns.size(), [&] {
                std::vector<Interval> row = cells(e.setting);
                row.insert(row.begin(), plain_number(e.target));
                row.push_back(plain_number(e.dose));
                return row;
            }));
        for (const auto* s : of_kind(task_, Kind::baseline)) {
            AnalysisRow row{s->id, s->label, cells(s->id)};
            row.values.insert(row.values.begin(), s->id == zero_shot_id ? plain_number(0) : no_number());
            row.values.push_back(no_number());
            a.rows.push_back(row);
        }
        return a;
    }

    AnalysisSummary slopes() const {
        std::set<double> common(plan_.dose.targets.begin(), plan_.dose.targets.end());
        for (const auto& method : plan_.methods) {
            std::set<double> reached;
            for (const DoseEntry& e : reached_of(method, false)) reached.insert(e.target);
            std::erase_if(common, [&](double target) { return !reached.contains(target); });
        }
        AnalysisSummary a{
            "slopes",
            "Steerability",
            fmt::format("Slope: least squares of an item's {} over the dose, from the unsteered run on, mean "
                        "over test items. Wrong way: share of items whose slope is negative (arXiv "
                        "2407.12404). Over random: slope less that under the method's random direction. "
                        "Common doses: those that every method reaches{}.",
                        task_.behavioural() ? "style score, per nat" : "log-probability, nats per nat",
                        common.empty() ? " (here none)" : ""),
            "method",
            {{"slope", "slope"},
             {"wrong_way", "wrong way"},
             {"over_random", "over random"},
             {"slope_common", "slope, common doses"},
             {"doses", "doses"}}};
        for (const auto& method : plan_.methods)
            for (const bool control : {false, true})
                if (!control || plan_.controls) a.rows.push_back(slope_row(method, control, common));
        return a;
    }

private:
    /// Paired difference to the unsteered run.
    Interval gain(const std::string& id, const std::string& metric) const {
        return scores_.difference(id, zero_shot_id, metric);
    }
    /// The reached doses of a method or of its control.
    std::vector<DoseEntry> reached_of(const std::string& method, bool control) const {
        std::vector<DoseEntry> out;
        for (const DoseEntry& e : closing_.doses)
            if (e.method == method && e.control == control && e.reached()) out.push_back(e);
        return out;
    }
    /// Item -> least-squares slope of its score over the doses of `settings`, and over dose 0 (the unsteered
    /// run). Only items with two points or more.
    ByItem slopes_over(const std::vector<DoseEntry>& settings) const {
        std::map<int, Paired> points;
        const auto add = [&](const std::string& id, double dose) {
            for (const auto& [item, v] : values_of(test_.at(id), task_.behavioural() ? "style" : "logprob")) {
                points[item].first.push_back(dose);
                points[item].second.push_back(v);
            }
        };
        add(zero_shot_id, 0);
        for (const DoseEntry& e : settings) add(e.setting, e.dose);
        ByItem out;
        for (const auto& [item, xy] : points)
            if (xy.first.size() > 1) out[item] = least_squares_slope(xy.first, xy.second);
        return out;
    }
    AnalysisRow slope_row(const std::string& method, bool control,
                          const std::set<double>& common_doses) const {
        AnalysisRow row = row_of(method, control, 5);
        auto settings = reached_of(method, control);
        row.values[4] = plain_number(static_cast<double>(settings.size()));
        if (settings.empty()) {
            row.remark = "no dose reached";
            return row;
        }
        const ByItem slope = slopes_over(settings);
        ByItem wrong;
        for (const auto& [item, v] : slope) wrong[item] = v < 0;
        row.values[0] = scores_.mean(slope, Scale::number);
        row.values[1] = scores_.mean(wrong, Scale::number);
        const auto random = reached_of(method, true);
        if (!control && !random.empty())
            row.values[2] = scores_.difference(common(slope, slopes_over(random)), Scale::number);
        std::erase_if(settings, [&](const DoseEntry& e) { return !common_doses.contains(e.target); });
        if (!settings.empty()) row.values[3] = scores_.mean(slopes_over(settings), Scale::number);
        return row;
    }

    const Plan& plan_;
    const TaskSummary& task_;
    DoseClosing closing_;
    const BySetting& test_;
    BySetting damage_;
    Scores scores_, damage_scores_;
};

// The control of a setting at its dose.
const SettingSummary* control_of(const TaskSummary& t, const SettingSummary& s) {
    return t.find(dose_id(random_id(s.method), s.setting.at("target")));
}

// Only the pairs that the verdict speaks of: each further pair would raise the adjusted p values of the
// task's others (study/adjust.h).
std::vector<PairSummary> pairs_of(const Plan& plan, const Scores& scores, const TaskSummary& t) {
    const auto contests = dose_contests(plan, t);
    std::vector<PairSummary> pairs;
    const auto compare = [&](const std::string& a, const std::string& b) {
        const bool known = std::any_of(pairs.begin(), pairs.end(),
                                       [&](const PairSummary& p) { return p.a == a && p.b == b; });
        if (!known) pairs.push_back(scores.pair(a, b, t.primary));
    };
    for (const auto& contest : {contests.limited, contests.largest}) {
        if (!contest) continue;
        for (std::size_t i = 0; i < contest->within.size(); ++i) {
            const SettingSummary& a = *contest->within[i];
            for (std::size_t j = i + 1; j < contest->within.size(); ++j)
                compare(a.id, contest->within[j]->id);
            for (const auto* other : contest->beyond) compare(a.id, other->id);
            if (const auto* control = control_of(t, a)) compare(a.id, control->id);
        }
    }
    return pairs;
}

}  // namespace

void Dose::analyse(const Plan& plan, const TaskRecords& records, TaskSummary& t) const {
    const DoseTables tables(plan, records, t);
    for (auto& table : t.tables)
        for (auto& s : table.settings) s.metrics["damage"] = tables.loss(s.id, "first_token");
    for (auto& s : t.test) {
        if (s.kind != Kind::dose) continue;
        s.metrics["damage"] = tables.loss(s.id, "first_token");
        if (const auto* control = control_of(t, s))
            s.difference["random"] = tables.scores().difference(s.id, control->id, t.primary);
    }
    for (auto& table : {tables.frontier(), tables.response(), tables.slopes()}) t.analyses.push_back(table);
    t.pairs = pairs_of(plan, tables.scores(), t);
}

}  // namespace tiller::study
