// The same outputs under every score: does the ranking of the methods depend on it?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "scoring/metrics.h"
#include "study/candidate.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

constexpr std::size_t kNamed = 3;  // changed orders that a remark names, at most
// Columns that scorer_flips() sums over tasks.
const AnalysisColumn kOrders = {"orders", "orders compared"}, kChanged = {"changed", "changed"},
                     kBeyond = {"beyond", "beyond chance"};

using Records = std::vector<ItemRecord>;

struct Score {
    std::string id, title;
    /// By item; `zero` are the zero-shot records of the task.
    std::function<ByItem(const Records& records, const Records& zero)> values;
    Scale scale = Scale::hit;
    bool to_zero_shot = false;  // zero-shot is 0 by definition
};

Score plain(const std::string& metric, const std::string& title) {
    return {metric, title, [metric](const Records& r, const Records&) { return values_of(r, metric); },
            scale_of(metric)};
}

// 1 for items whose metric satisfies `holds`, else 0.
Score share(const std::string& id, const std::string& title, const std::string& metric,
            const std::function<bool(double)>& holds) {
    return {id, title, [metric, holds](const Records& r, const Records&) {
                ByItem values = values_of(r, metric);
                for (auto& [item, value] : values) value = holds(value) ? 1 : 0;
                return values;
            }};
}

ByItem style_of_whole(const Records& r, const Records&) {
    ByItem values = values_of(r, "style");
    for (const auto& [item, collapsed] : values_of(r, "collapsed"))
        if (collapsed > 0) values.erase(item);
    return values;
}

ByItem logprob_gain(const Records& r, const Records& zero) {
    const ByItem base = values_of(zero, "logprob");
    ByItem gain;
    for (const auto& [item, value] : values_of(r, "logprob"))
        if (const auto it = base.find(item); it != base.end()) gain[item] = value - it->second;
    return gain;
}

// All scores for tasks of this family. The metric that settings are judged by comes first.
std::vector<Score> scores_of(const TaskSummary& t) {
    std::vector<Score> scores;
    if (t.behavioural())
        scores = {plain("whole_style", "Style of whole texts"),
                  plain("style", "Style"),
                  share("style_half", "Style above 0.5", "style", [](double v) { return v > 0.5; }),
                  share("style_sure", "Style above 0.9", "style", [](double v) { return v > 0.9; }),
                  {"style_whole", "Style, collapsed outputs left out", style_of_whole, Scale::share}};
    else
        scores = {plain("first_token", "First token"),
                  share("top_5", "First token among the top 5", "rank", [](double rank) { return rank < 5; }),
                  {"gain", "Log-probability gain", logprob_gain, Scale::number, true}};
    for (const Metric* metric : metrics())
        if (!metric->as_score.empty() && (t.behavioural() ? metric->of_text : metric->of_answer))
            scores.push_back(plain(metric->name, metric->as_score));
    std::stable_partition(scores.begin(), scores.end(), [&](const Score& s) { return s.id == t.primary; });
    return scores;
}

// Two methods whose order another score reverses; `above` is the one that is higher by that score.
struct Change {
    std::string above, below;
    double p = 1;
};

struct Orders {
    int compared = 0;
    std::vector<Change> changes;
};

std::string remark_of(std::vector<Change> changes) {
    std::stable_sort(changes.begin(), changes.end(),
                     [](const Change& a, const Change& b) { return a.p < b.p; });
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < std::min(changes.size(), kNamed); ++i)
        parts.push_back(fmt::format(
            "{} above {} ({}: p = {:.2g})", method_title(changes[i].above), method_title(changes[i].below),
            changes[i].p <= kLevel ? "beyond chance" : "within chance", changes[i].p));
    if (changes.size() > kNamed) parts.push_back(fmt::format("and {} more", changes.size() - kNamed));
    return fmt::format("{}", fmt::join(parts, "; "));
}

// The values of one score.
struct Under {
    Score score;
    std::vector<ByItem> methods;  // in the order of the chosen settings
    ByItem zero;
};

// For every score, the orders of two methods that differ from those by the first score. p values are adjusted
// by Holm's method over all orders that were compared, changed or not.
std::vector<Orders> orders_of(const std::vector<Under>& table, const Settings& chosen, const Scores& scores) {
    std::vector<Orders> out(table.size());
    std::vector<double> p;
    // For each p: its score, and the index in that score's changes (-1 = not changed).
    std::vector<std::pair<std::size_t, std::ptrdiff_t>> of;
    for (std::size_t i = 0; i < chosen.size(); ++i)
        for (std::size_t j = i + 1; j < chosen.size(); ++j) {
            const auto sign = [&](const Under& u) {
                const Paired both = common(u.methods[i], u.methods[j]);
                double d = 0;
                for (std::size_t k = 0; k < both.items.size(); ++k) d += both.first[k] - both.second[k];
                return (d > 0) - (d < 0);
            };
            const int primary = sign(table.front());
            if (primary == 0) continue;
            for (std::size_t s = 1; s < table.size(); ++s) {
                const Paired both = common(table[s].methods[i], table[s].methods[j]);
                if (both.items.empty()) continue;
                ++out[s].compared;
                p.push_back(scores.p(both, table[s].score.scale));
                const bool is_changed = sign(table[s]) == -primary;
                of.emplace_back(s, is_changed ? std::ssize(out[s].changes) : -1);
                if (is_changed)
                    out[s].changes.push_back(
                        {chosen[primary > 0 ? j : i]->method, chosen[primary > 0 ? i : j]->method, 1});
            }
        }
    const auto adjusted = holm(p);
    for (std::size_t k = 0; k < p.size(); ++k)
        if (of[k].second >= 0)
            out[of[k].first].changes[static_cast<std::size_t>(of[k].second)].p = adjusted[k];
    return out;
}

// The chosen settings and zero-shot under every score that their records have, on the items of `kept` (null:
// on all items).
std::vector<Under> under_all(const TaskRecords& records, const TaskSummary& t, const std::set<int>* kept) {
    const Records& zero = records.test.at(zero_shot_id);
    std::vector<Under> table;
    for (const Score& score : scores_of(t)) {
        const auto values = [&](const std::string& id) {
            ByItem all = score.values(records.test.at(id), zero);
            if (kept) std::erase_if(all, [&](const auto& v) { return !kept->contains(v.first); });
            return all;
        };
        Under under{score, {}, values(zero_shot_id)};
        for (const auto* s : of_kind(t, Kind::chosen)) under.methods.push_back(values(s->id));
        if (!under.zero.empty()) table.push_back(std::move(under));
    }
    return table;
}

AnalysisSummary table_of(const Plan& plan, const TaskRecords& records, const TaskSummary& t,
                         const std::set<int>* kept) {
    const Settings chosen = of_kind(t, Kind::chosen);
    const auto table = under_all(records, t, kept);
    AnalysisSummary out;
    out.head = "score";
    for (const auto* s : chosen) out.columns.push_back({s->method, method_title(s->method)});
    out.columns.push_back({zero_shot_id, "Zero-shot"});
    if (chosen.size() > 1) out.columns.insert(out.columns.end(), {kOrders, kChanged, kBeyond});
    if (table.empty() || table.front().score.id != t.primary) return out;
    const Scores scores(records.test, plan.n_bootstrap, t.seed);
    const auto orders = orders_of(table, chosen, scores);
    for (std::size_t s = 0; s < table.size(); ++s) {
        const Under& under = table[s];
        AnalysisRow row{under.score.id, under.score.title, {}, remark_of(orders[s].changes)};
        for (const auto& method : under.methods) row.values.push_back(scores.mean(method, under.score.scale));
        row.values.push_back(under.score.to_zero_shot ? plain_number(0)
                                                      : scores.mean(under.zero, under.score.scale));
        if (chosen.size() > 1) {
            const auto& changes = orders[s].changes;
            const auto n_beyond =
                std::count_if(changes.begin(), changes.end(), [](const Change& c) { return c.p <= kLevel; });
            for (const double n : {static_cast<double>(orders[s].compared),
                                   static_cast<double>(changes.size()), static_cast<double>(n_beyond)})
                row.values.push_back(s == 0 ? no_number() : plain_number(n));
        }
        out.rows.push_back(std::move(row));
    }
    return out;
}

const char* how_to_read_scorers() {
    return "Rows: scores of the same outputs at the chosen settings, means with 95 % intervals over items; "
           "the first row is the score that settings are chosen and judged by. An order of two methods is "
           "changed where this score puts the other one higher; beyond chance where a paired test of this "
           "score says so at 5 %, adjusted by Holm's method for all orders of the table. Methods that are "
           "level by the first score have no order.";
}

// Sums of a row over the tasks' tables.
struct Tally {
    std::string id, title;
    double compared = 0, changed = 0, beyond = 0;
};

void add(const AnalysisSummary& table, std::vector<Tally>& tallies, const std::string& suffix) {
    for (const auto& row : table.rows) {
        const double compared = table.at(row, kOrders.id).mean;
        if (!(compared > 0)) continue;
        auto found = std::find_if(tallies.begin(), tallies.end(),
                                  [&](const Tally& tally) { return tally.id == row.id; });
        if (found == tallies.end()) found = tallies.insert(tallies.end(), {row.id, row.label + suffix});
        found->compared += compared;
        found->changed += table.at(row, kChanged.id).mean;
        found->beyond += table.at(row, kBeyond.id).mean;
    }
}

}  // namespace

std::vector<AnalysisSummary> scorer_tables(const Plan& plan, const TaskRecords& records,
                                           const TaskSummary& t) {
    if (of_kind(t, Kind::chosen).empty() || !records.test.contains(zero_shot_id)) return {};
    std::vector<AnalysisSummary> out = {table_of(plan, records, t, nullptr)};
    if (out.back().rows.empty()) return {};
    out.back().id = "scorers";
    out.back().title = "The same outputs under every score";
    out.back().note = how_to_read_scorers();
    const auto few_shot = records.test.find(few_shot_id(plan.of(t.family).n_shot));
    if (t.behavioural() || few_shot == records.test.end()) return out;
    std::set<int> kept;
    for (const auto& [item, hit] : values_of(few_shot->second, "first_token"))
        if (hit > 0) kept.insert(item);
    if (kept.empty()) return out;
    out.push_back(table_of(plan, records, t, &kept));
    out.back().id = "scorers_filtered";
    out.back().title =
        fmt::format("The same over the {} of {} items whose first token the {} prompt gets right",
                    kept.size(), t.n_test, few_shot->first);
    out.back().note =
        "The function vectors' paper tests on such items alone (arXiv 2310.15213): those that the model can "
        "do once it is shown how.";
    return out;
}

std::optional<AnalysisSummary> scorer_flips(const Summary& summary) {
    std::vector<Tally> all, filtered;
    for (const auto& task : summary.tasks) {
        if (const auto* table = task.analysis("scorers")) add(*table, all, "");
        if (const auto* table = task.analysis("scorers_filtered")) add(*table, filtered, ", filtered items");
    }
    AnalysisSummary out{
        "scorer_flips",
        "How often the order of two methods depends on the score",
        "Sums over tasks (each model and seed counts) of the orders that the first score gives, and of those "
        "that this score changes. Filtered items: those whose first token the few-shot prompt gets right.",
        "score",
        {kOrders, kChanged, {"share", "share changed"}, kBeyond},
        {}};
    for (auto& tally : filtered) tally.id += "_filtered";
    if (!all.empty()) all.insert(all.end(), filtered.begin(), filtered.end());
    for (const auto& tally : all)
        out.rows.push_back({tally.id,
                            tally.title,
                            {plain_number(tally.compared), plain_number(tally.changed),
                             plain_number(tally.changed / tally.compared), plain_number(tally.beyond)}});
    return filled(std::move(out));
}

}  // namespace tiller::study
