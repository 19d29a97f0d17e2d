#include "study/tuned/seeds_analysis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "core/names.h"
#include "study/tuned/seed_groups.h"

namespace tiller::study {
namespace {

std::string per_seed(const SeedGroups& groups) {
    std::vector<std::string> means;
    for (const auto& group : groups) {
        double sum = 0;
        for (const double v : group) sum += v;
        means.push_back(group.empty() ? "none"
                                      : fmt::format("{:.2f}", sum / static_cast<double>(group.size())));
    }
    return fmt::format("by seed: {}", fmt::join(means, ", "));
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
        "Means of the task's metric over seeds; intervals resample seeds, and items within them. They are "
        "about 95 % sure where seeds differ by no more than the items of one seed leave open, and too "
        "narrow where few seeds differ by more: look at the values by seed.",
        "task and setting",
        {"seeds", "mean", "over zero-shot", "over random"},
        {}};
    AnalysisSummary pairs{"seed-pairs",
                          "Chosen settings against each other, over all seeds",
                          "Differences of the task's metric, paired by item; intervals as above.",
                          "task and methods",
                          {"seeds", "difference"},
                          {}};
    const auto interval = [&](const SeedGroups& groups, bool is_difference) {
        return seed_interval(plan, summary, groups, is_difference);
    };
    for (const auto& family : seed_families(summary)) {
        if (family.places.size() < 2) continue;
        const TaskSummary& first = summary.tasks[family.places.front()];
        const auto groups = [&](const std::string& id, const std::string& other = "") {
            return seed_groups(family, records, first.primary, id, other);
        };
        std::vector<const SettingSummary*> chosen;
        for (const auto& s : first.test) {
            if (s.kind != "baseline" && s.kind != "chosen") continue;
            if (s.kind == "chosen") chosen.push_back(&s);
            const SeedGroups values = groups(s.id);
            AnalysisRow row{
                fmt::format("{}: {}", family.title, s.kind == "chosen" ? method_title(s.method) : s.id),
                {plain_number(static_cast<double>(values.size())), interval(values, false)},
                per_seed(values)};
            for (const std::string& other : {std::string("zero-shot"), s.method + "-random"}) {
                const SeedGroups differences = other == s.id ? SeedGroups{} : groups(s.id, other);
                row.values.push_back(differences.empty()
                                         ? plain_number(std::numeric_limits<double>::quiet_NaN())
                                         : interval(differences, true));
            }
            scores.rows.push_back(std::move(row));
        }
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (std::size_t j = i + 1; j < chosen.size(); ++j) {
                const std::string a = method_title(chosen[i]->method), b = method_title(chosen[j]->method);
                const SeedGroups differences = groups(chosen[i]->id, chosen[j]->id);
                const Interval difference = interval(differences, true);
                pairs.rows.push_back({fmt::format("{}: {} - {}", family.title, a, b),
                                      {plain_number(static_cast<double>(differences.size())), difference},
                                      fmt::format("{}; {}", clear(difference, a, b), per_seed(differences))});
            }
    }
    std::vector<AnalysisSummary> out;
    if (!scores.rows.empty()) out.push_back(std::move(scores));
    if (!pairs.rows.empty()) out.push_back(std::move(pairs));
    return out;
}

}  // namespace tiller::study
