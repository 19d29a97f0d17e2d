// Tables over the seeds of a task.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "protocols/tuned/seed_groups.h"
#include "study/candidate.h"

namespace tiller::study {
namespace {

std::string per_seed(const SeedGroups& groups) {
    std::vector<std::string> means;
    for (const auto& group : groups)
        means.push_back(group.empty() ? "none" : fmt::format("{:.2f}", mean_of(list_of(group))));
    return fmt::format("by seed: {}", fmt::join(means, ", "));
}

std::string clear(const Interval& difference, const std::string& a, const std::string& b) {
    if (difference.low > 0) return a + " better";
    if (difference.high < 0) return b + " better";
    return "no difference shown";
}

// One task with all its seeds.
class Seeds {
public:
    Seeds(const std::vector<TaskRecords>& records, const Summary& summary, const SeedFamily& family)
        : records_(records), summary_(summary), family_(family) {}

    const TaskSummary& first() const { return summary_.tasks[family_.places.front()]; }

    AnalysisRow scores(const SettingSummary& s) const {
        const bool is_chosen = s.kind == Kind::chosen;
        const SeedGroups values = groups(s.id);
        AnalysisRow row{fmt::format("{} {}", family_.title, s.id),
                        fmt::format("{}: {}", family_.title, is_chosen ? method_title(s.method) : s.id),
                        {plain_number(static_cast<double>(values.size())), interval(values, false)},
                        per_seed(values)};
        for (const std::string& other : {std::string(zero_shot_id), random_id(s.method)})
            row.values.push_back(other == s.id ? no_number() : interval(groups(s.id, other), true));
        return row;
    }
    AnalysisRow pair(const SettingSummary& a, const SettingSummary& b) const {
        const std::string title_a = method_title(a.method), title_b = method_title(b.method);
        const SeedGroups differences = groups(a.id, b.id);
        const Interval difference = interval(differences, true);
        return {fmt::format("{} {} {}", family_.title, a.id, b.id),
                fmt::format("{}: {} - {}", family_.title, title_a, title_b),
                {plain_number(static_cast<double>(differences.size())), difference},
                fmt::format("{}; {}", clear(difference, title_a, title_b), per_seed(differences))};
    }

private:
    SeedGroups groups(const std::string& id, const std::string& other = "") const {
        return seed_groups(family_, records_, first().primary, id, other);
    }
    Interval interval(const SeedGroups& values, bool is_difference) const {
        return over_seeds(values, first().primary, is_difference).interval;
    }

    const std::vector<TaskRecords>& records_;
    const Summary& summary_;
    const SeedFamily& family_;
};

}  // namespace

std::vector<AnalysisSummary> seed_tables(const std::vector<TaskRecords>& records, const Summary& summary) {
    AnalysisSummary scores{
        "seeds",
        "Over all seeds",
        "Each seed splits the items anew, draws its own prompts and pairs, extracts and tunes by itself. "
        "Means of the task's metric over seeds; intervals resample seeds, and items within them. They are "
        "about 95 % sure where seeds differ by no more than the items of one seed leave open, and too narrow "
        "where few seeds differ by more: look at the values by seed.",
        "task and setting",
        {{"seeds", "seeds"},
         {"mean", "mean"},
         {"over_zero_shot", "over zero-shot"},
         {"over_random", "over random"}},
        {}};
    AnalysisSummary pairs{"seed-pairs",
                          "Chosen settings against each other, over all seeds",
                          "Differences of the task's metric, paired by item; intervals as above.",
                          "task and methods",
                          {{"seeds", "seeds"}, {"difference", "difference"}},
                          {}};
    for (const auto& family : seed_families(summary)) {
        if (family.places.size() < 2) continue;
        const Seeds seeds(records, summary, family);
        for (const auto& s : seeds.first().test)
            if (s.kind == Kind::baseline || s.kind == Kind::chosen) scores.rows.push_back(seeds.scores(s));
        const Settings chosen = of_kind(seeds.first(), Kind::chosen);
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (std::size_t j = i + 1; j < chosen.size(); ++j)
                pairs.rows.push_back(seeds.pair(*chosen[i], *chosen[j]));
    }
    std::vector<AnalysisSummary> out;
    for (auto* table : {&scores, &pairs})
        if (!table->rows.empty()) out.push_back(std::move(*table));
    return out;
}

}  // namespace tiller::study
