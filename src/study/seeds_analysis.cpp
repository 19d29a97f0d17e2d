#include "study/seeds_analysis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/names.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using Groups = std::vector<std::vector<double>>;

// One model and task: places in Summary::tasks, one per seed.
struct Family {
    std::string title;
    std::vector<std::size_t> places;
};

std::vector<Family> families(const Summary& summary) {
    std::vector<std::pair<std::pair<std::string, std::string>, Family>> out;
    for (std::size_t i = 0; i < summary.tasks.size(); ++i) {
        const auto& t = summary.tasks[i];
        const std::pair key(t.model, t.name);
        auto found =
            std::find_if(out.begin(), out.end(), [&](const auto& entry) { return entry.first == key; });
        if (found == out.end()) {
            const std::string title = summary.models.size() > 1 ? t.model + ", " + t.name : t.name;
            out.push_back({key, {title, {}}});
            found = std::prev(out.end());
        }
        found->second.places.push_back(i);
    }
    std::vector<Family> families;
    for (auto& [key, family] : out)
        if (family.places.size() > 1) families.push_back(std::move(family));
    return families;
}

std::string per_seed(const Groups& groups) {
    std::vector<std::string> means;
    for (const auto& group : groups) {
        double sum = 0;
        for (const double v : group) sum += v;
        means.push_back(group.empty() ? "none"
                                      : fmt::format("{:.2f}", sum / static_cast<double>(group.size())));
    }
    return fmt::format("by seed: {}", fmt::join(means, ", "));
}

// Values of a setting, or of its difference to another, one group per seed; seeds without them are left out.
Groups groups_of(const Family& family, const std::vector<TaskRecords>& records, const std::string& metric,
                 const std::string& id, const std::string& other = "") {
    Groups groups;
    for (const std::size_t place : family.places) {
        const BySetting& test = records[place].test;
        if (!test.count(id) || (!other.empty() && !test.count(other))) continue;
        if (other.empty()) {
            groups.push_back(value_list(test.at(id), metric));
            continue;
        }
        const auto [x, y] = paired(test, id, other, metric);
        auto& group = groups.emplace_back();
        for (std::size_t i = 0; i < x.size(); ++i) group.push_back(x[i] - y[i]);
    }
    return groups;
}

std::string clear(const Interval& difference, const std::string& a, const std::string& b) {
    if (difference.low > 0) return a + " better";
    if (difference.high < 0) return b + " better";
    return "no difference shown";
}

}  // namespace

std::vector<AnalysisSummary> seeds_analysis(const Plan& plan, const std::vector<TaskRecords>& records,
                                            const Summary& summary) {
    AnalysisSummary scores{
        "seeds",
        "Over all seeds",
        "Each seed splits the items anew, draws its own prompts and pairs, extracts and tunes by itself. "
        "Means "
        "of the task's metric over seeds; intervals resample seeds, and items within them. They are about 95 "
        "% "
        "sure where seeds differ by no more than the items of one seed leave open, and too narrow where few "
        "seeds differ by more: look at the values by seed.",
        "task and setting",
        {"seeds", "mean", "over zero-shot", "over random"},
        {}};
    AnalysisSummary pairs{"seed-pairs",
                          "Chosen settings against each other, over all seeds",
                          "Differences of the task's metric, paired by item; intervals as above.",
                          "task and methods",
                          {"seeds", "difference"},
                          {}};
    const auto interval = [&](const Groups& groups, bool difference) {
        const bool whole = std::all_of(groups.begin(), groups.end(), [](const auto& group) {
            return std::all_of(group.begin(), group.end(), [](double v) { return v == std::floor(v); });
        });  // hits, or their differences
        const std::vector<double> extremes = !whole       ? std::vector<double>{}
                                             : difference ? std::vector<double>{-1, 1}
                                                          : std::vector<double>{0, 1};
        Interval out = bootstrap_groups(groups, plan.n_bootstrap, summary.tasks.front().seed, extremes);
        // Scores lie in [0, 1], their differences in [-1, 1].
        out.low = std::max(out.low, difference ? -1.0 : 0.0);
        out.high = std::min(out.high, 1.0);
        return out;
    };
    for (const auto& family : families(summary)) {
        const TaskSummary& first = summary.tasks[family.places.front()];
        const auto groups = [&](const std::string& id, const std::string& other = "") {
            return groups_of(family, records, first.primary, id, other);
        };
        std::vector<const SettingSummary*> chosen;
        for (const auto& s : first.test) {
            if (s.kind != "baseline" && s.kind != "chosen") continue;
            if (s.kind == "chosen") chosen.push_back(&s);
            const Groups values = groups(s.id);
            AnalysisRow row{
                fmt::format("{}: {}", family.title, s.kind == "chosen" ? method_title(s.method) : s.id),
                {plain_number(static_cast<double>(values.size())), interval(values, false)},
                per_seed(values)};
            for (const std::string& other : {std::string("zero-shot"), s.method + "-random"}) {
                const Groups differences = other == s.id ? Groups{} : groups(s.id, other);
                row.values.push_back(differences.empty()
                                         ? plain_number(std::numeric_limits<double>::quiet_NaN())
                                         : interval(differences, true));
            }
            scores.rows.push_back(std::move(row));
        }
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (std::size_t j = i + 1; j < chosen.size(); ++j) {
                const std::string a = method_title(chosen[i]->method), b = method_title(chosen[j]->method);
                const Groups differences = groups(chosen[i]->id, chosen[j]->id);
                const Interval difference = interval(differences, true);
                pairs.rows.push_back({fmt::format("{}: {} - {}", family.title, a, b),
                                      {plain_number(static_cast<double>(differences.size())), difference},
                                      fmt::format("{}; {}", clear(difference, a, b), per_seed(differences))});
            }
    }
    std::vector<AnalysisSummary> out;
    scores.headline = true;
    if (!scores.rows.empty()) out.push_back(std::move(scores));
    if (!pairs.rows.empty()) out.push_back(std::move(pairs));
    return out;
}

}  // namespace tiller::study
