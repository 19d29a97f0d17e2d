// What the protocol of equal doses computes from a task's records.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "core/names.h"
#include "study/dose/dose.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using nlohmann::json;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// One line of the closing record's "doses".
struct Entry {
    std::string method, outcome, setting;
    bool control = false;
    double target = 0, strength = 0, dose = 0;

    bool reached() const { return outcome == "reached"; }
    std::string label() const {
        return control ? "random for " + method_title(method) : method_title(method);
    }
    std::string remark() const {
        if (reached()) return "";
        if (outcome == "jumps")
            return fmt::format("not reached: the dose jumps; nearest {:.3g} nats at strength {:.3g}", dose,
                               strength);
        return fmt::format("not reachable: at most {:.3g} nats, at strength {:.3g}", dose, strength);
    }
};

std::vector<Entry> entries_of(const json& closing) {
    std::vector<Entry> out;
    for (const json& d : closing.at("doses"))
        out.push_back({d.at("method"), d.at("outcome"), d.at("setting"), d.at("control"), d.at("target"),
                       d.at("strength"), d.at("dose")});
    return out;
}

// The intervals of one task's tables.
class Numbers {
public:
    Numbers(const Plan& plan, const TaskRecords& records, const TaskSummary& task)
        : plan_(plan),
          test_(records.test),
          damage_(by_setting(records.units, records.closing.at("damage_units"))),
          seed_(task.seed) {}

    /// Mean over items of a metric; perplexity as exp of a mean.
    Interval mean(const std::string& id, const std::string& metric) const {
        std::vector<double> values;
        for (const auto& [item, v] : values_of(test_.at(id), metric)) values.push_back(v);
        if (values.empty()) return plain_number(none);
        const Interval i = bootstrap_mean(values, plan_.n_bootstrap, seed_);
        return metric == "perplexity" ? Interval{std::exp(i.mean), std::exp(i.low), std::exp(i.high)} : i;
    }
    /// Paired difference to the unsteered run.
    Interval gain(const std::string& id, const std::string& metric) const {
        const auto [x, y] = paired(test_, id, "zero-shot", metric);
        return x.empty() ? plain_number(none) : bootstrap_difference(x, y, plan_.n_bootstrap, seed_);
    }
    /// What is lost on the unrelated task.
    Interval loss(const std::string& id, const std::string& metric) const {
        const auto [x, y] = paired(damage_, "zero-shot", id, metric);
        return x.empty() ? plain_number(none) : bootstrap_difference(x, y, plan_.n_bootstrap, seed_);
    }
    double unsteered_accuracy() const {
        double sum = 0;
        const auto values = values_of(damage_.at("zero-shot"), "first_token");
        for (const auto& [item, v] : values) sum += v;
        return sum / static_cast<double>(values.size());
    }
    /// Item -> slope of the metric over the doses of these settings and 0, for items with two points or more.
    std::map<int, double> slopes(const std::vector<Entry>& settings, const std::string& metric) const {
        std::map<int, std::pair<std::vector<double>, std::vector<double>>> points;
        const auto add = [&](const std::string& id, double dose) {
            for (const auto& [item, v] : values_of(test_.at(id), metric)) {
                points[item].first.push_back(dose);
                points[item].second.push_back(v);
            }
        };
        add("zero-shot", 0);
        for (const Entry& e : settings) add(e.setting, e.dose);
        std::map<int, double> out;
        for (const auto& [item, xy] : points)
            if (xy.first.size() > 1) out[item] = least_squares_slope(xy.first, xy.second);
        return out;
    }
    Interval mean_of(const std::vector<double>& values) const {
        return values.empty() ? plain_number(none) : bootstrap_mean(values, plan_.n_bootstrap, seed_);
    }
    /// Over the items of both.
    Interval difference(const std::map<int, double>& a, const std::map<int, double>& b) const {
        std::vector<double> x, y;
        for (const auto& [item, value] : a)
            if (const auto it = b.find(item); it != b.end()) x.push_back(value), y.push_back(it->second);
        return x.empty() ? plain_number(none) : bootstrap_difference(x, y, plan_.n_bootstrap, seed_);
    }

private:
    const Plan& plan_;
    const BySetting& test_;
    BySetting damage_;
    std::uint64_t seed_;
};

// Cells of an entry; NaN throughout when the dose was not reached.
template <class Cells>
AnalysisRow row_of(const Entry& e, std::size_t n_column, const Cells& cells) {
    AnalysisRow row{e.label(), {}, e.remark()};
    if (e.reached()) row.values = cells();
    row.values.resize(n_column, plain_number(none));
    row.values[0] = plain_number(e.target);
    return row;
}

AnalysisSummary frontier(const std::vector<Entry>& entries, const Numbers& numbers, const TaskSummary& t,
                         const std::string& other) {
    const bool behavioural = t.family == "behavioural";
    AnalysisSummary a{"frontier", "Effect against damage at equal dose", "", "method", {}, {}};
    a.columns = {"dose", "effect", "damage", "log p lost", "strength"};
    if (behavioural) a.columns.insert(a.columns.end() - 1, {"perplexity", "collapsed"});
    a.headline = true;
    a.note = fmt::format(
        "Dose: mean KL(steered || unsteered) of the next-token distribution on validation items, nats. "
        "Effect: "
        "{} gained over the unsteered run, paired over test items. Damage: share of right first tokens lost "
        "on "
        "{}, prompted with demonstrations and steered all the same (unsteered {:.0f} %), paired over its "
        "items; "
        "log p lost: log-probability of the right answer there, nats. 95 % intervals.",
        behavioural ? "style score" : "first-token accuracy", other, 100 * numbers.unsteered_accuracy());
    for (const Entry& e : entries)
        a.rows.push_back(row_of(e, a.columns.size(), [&] {
            std::vector<Interval> cells = {plain_number(e.target), numbers.gain(e.setting, t.primary),
                                           numbers.loss(e.setting, "first_token"),
                                           numbers.loss(e.setting, "logprob")};
            if (behavioural) {
                cells.push_back(numbers.mean(e.setting, "perplexity"));
                cells.push_back(numbers.mean(e.setting, "collapsed"));
            }
            cells.push_back(plain_number(e.strength));
            return cells;
        }));
    return a;
}

AnalysisSummary response(const std::vector<Entry>& entries, const Numbers& numbers, const TaskSummary& t) {
    const bool behavioural = t.family == "behavioural";
    AnalysisSummary a{"response", "Effect against dose", "", "method", {}, {}};
    a.columns = {"dose", "effect", "log p gained", "entropy", "KL on test items", "dose measured"};
    if (behavioural) a.columns.erase(a.columns.begin() + 2);
    a.note =
        "Entropy of the next-token distribution and its divergence from the unsteered one on test items, "
        "nats; "
        "dose measured: on the validation items, at the strength found.";
    for (const Entry& e : entries)
        a.rows.push_back(row_of(e, a.columns.size(), [&] {
            std::vector<Interval> cells = {plain_number(e.target), numbers.gain(e.setting, t.primary)};
            if (!behavioural) cells.push_back(numbers.gain(e.setting, "logprob"));
            cells.push_back(numbers.mean(e.setting, "entropy"));
            cells.push_back(numbers.mean(e.setting, "kl"));
            cells.push_back(plain_number(e.dose));
            return cells;
        }));
    for (const auto& s : t.test) {
        if (s.kind != "baseline") continue;
        AnalysisRow row{s.label, std::vector<Interval>(a.columns.size(), plain_number(none)), ""};
        if (s.id == "zero-shot") row.values[0] = plain_number(0);
        if (s.id != "zero-shot") {
            row.values[1] = numbers.gain(s.id, t.primary);
            if (!behavioural) row.values[2] = numbers.gain(s.id, "logprob");
        }
        row.values[a.columns.size() - 3] = numbers.mean(s.id, "entropy");
        row.values[a.columns.size() - 2] = s.id == "zero-shot" ? plain_number(0) : numbers.mean(s.id, "kl");
        a.rows.push_back(row);
    }
    return a;
}

// The reached doses of a method or of its control.
std::vector<Entry> reached_of(const std::vector<Entry>& entries, const std::string& method, bool control) {
    std::vector<Entry> out;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(out),
                 [&](const Entry& e) { return e.method == method && e.control == control && e.reached(); });
    return out;
}

AnalysisSummary slopes(const Plan& plan, const std::vector<Entry>& entries, const Numbers& numbers,
                       const TaskSummary& t) {
    const bool behavioural = t.family == "behavioural";
    const std::string metric = behavioural ? "style" : "logprob";
    std::set<double> common(plan.dose.targets.begin(), plan.dose.targets.end());
    for (const auto& method : plan.methods) {
        std::set<double> reached;
        for (const Entry& e : reached_of(entries, method, false)) reached.insert(e.target);
        std::erase_if(common, [&](double target) { return !reached.count(target); });
    }
    AnalysisSummary a{
        "slopes",
        "Steerability",
        fmt::format("Slope: least squares of an item's {} over the dose, from the unsteered run "
                    "on, mean over test items. Wrong way: share of items whose slope is negative "
                    "(arXiv 2407.12404). Over random: slope less that under the method's random "
                    "direction. Common doses: those that every method reaches{}.",
                    behavioural ? "style score, per nat" : "log-probability, nats per nat",
                    common.empty() ? " (here none)" : ""),
        "method",
        {"slope", "wrong way", "over random", "slope, common doses", "doses"},
        {}};
    for (const auto& method : plan.methods)
        for (const bool control : {false, true}) {
            if (control && !plan.controls) continue;
            const auto settings = reached_of(entries, method, control);
            Entry head;
            head.method = method, head.control = control;
            AnalysisRow row{head.label(), std::vector<Interval>(a.columns.size(), plain_number(none)), ""};
            row.values[4] = plain_number(static_cast<double>(settings.size()));
            if (settings.empty()) {
                row.remark = "no dose reached";
                a.rows.push_back(row);
                continue;
            }
            const auto slope = numbers.slopes(settings, metric);
            std::vector<double> values, wrong;
            for (const auto& [item, v] : slope) values.push_back(v), wrong.push_back(v < 0);
            row.values[0] = numbers.mean_of(values);
            row.values[1] = numbers.mean_of(wrong);
            const auto random = reached_of(entries, method, true);
            if (!control && !random.empty())
                row.values[2] = numbers.difference(slope, numbers.slopes(random, metric));
            auto shared = settings;
            std::erase_if(shared, [&](const Entry& e) { return !common.count(e.target); });
            if (!shared.empty()) {
                std::vector<double> of_shared;
                for (const auto& [item, v] : numbers.slopes(shared, metric)) of_shared.push_back(v);
                row.values[3] = numbers.mean_of(of_shared);
            }
            a.rows.push_back(row);
        }
    return a;
}

// The control of a setting at its dose.
const SettingSummary* control_of(const TaskSummary& t, const SettingSummary& s) {
    return find_setting(t, fmt::format("{}-random dose={}", s.method, s.setting.at("target")));
}

}  // namespace

void analyse_doses(const Plan& plan, const TaskRecords& records, TaskSummary& t) {
    const auto entries = entries_of(records.closing);
    const Numbers numbers(plan, records, t);
    for (auto& table : t.tables)
        for (auto& s : table.settings) s.metrics["damage"] = numbers.loss(s.id, "first_token");
    for (auto& s : t.test) {
        if (s.kind != "dose") continue;
        s.metrics["damage"] = numbers.loss(s.id, "first_token");
        if (const auto* control = control_of(t, s)) {
            const auto [x, y] = paired(records.test, s.id, control->id, t.primary);
            s.difference["random"] = bootstrap_difference(x, y, plan.n_bootstrap, t.seed);
        }
    }
    t.analyses.push_back(frontier(entries, numbers, t, records.closing.at("unrelated").get<std::string>()));
    t.analyses.push_back(response(entries, numbers, t));
    t.analyses.push_back(slopes(plan, entries, numbers, t));
    // One family of tests with those of the other tasks: at the doses of the verdict alone.
    const auto contests = dose_contests(plan, t);
    std::vector<PairSummary> pairs;
    const auto compare = [&](const std::string& a, const std::string& b) {
        const bool known = std::any_of(pairs.begin(), pairs.end(),
                                       [&](const PairSummary& p) { return p.a == a && p.b == b; });
        if (!known) pairs.push_back(compare_pair(records.test, a, b, t.primary, plan.n_bootstrap, t.seed));
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
    t.pairs = std::move(pairs);
}

}  // namespace tiller::study
