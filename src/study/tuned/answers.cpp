// "answers": for each task the method to take, at which setting, how sure, at what damage and cost.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/names.h"
#include "study/candidate.h"
#include "study/tuned/evidence.h"
#include "study/tuned/seed_groups.h"

namespace tiller::study {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Mean of f(task) over the seeds that have it.
template <class F>
double mean_over(const SeedFamily& family, const Summary& summary, const F& f) {
    double sum = 0;
    int n = 0;
    for (const std::size_t place : family.places)
        if (const double value = f(summary.tasks[place]); std::isfinite(value)) {
            sum += value;
            ++n;
        }
    return n ? sum / n : kNone;
}

double metric_over(const SeedFamily& family, const Summary& summary, const std::string& id,
                   const std::string& metric) {
    return mean_over(family, summary, [&](const TaskSummary& t) {
        const auto* s = find_setting(t, id);
        return s ? score_of(*s, metric) : kNone;
    });
}

// Geometric mean over seeds of the perplexity as a multiple of the zero-shot prompt's.
double perplexity_ratio(const SeedFamily& family, const Summary& summary, const std::string& id) {
    return std::exp(mean_over(family, summary, [&](const TaskSummary& t) {
        const auto *s = find_setting(t, id), *plain = find_setting(t, zero_shot_id);
        return s && plain ? std::log(score_of(*s, "perplexity") / score_of(*plain, "perplexity")) : kNone;
    }));
}

double cost_over(const SeedFamily& family, const Summary& summary, const std::string& method,
                 const std::string& column) {
    return mean_over(family, summary, [&](const TaskSummary& t) {
        const auto* table = find_analysis(t.analyses, "cost");
        return table ? table->at(method, column).mean : kNone;
    });
}

// "heads 7, layer 6", once for seeds that agree.
std::string settings_text(const SeedFamily& family, const Summary& summary, const std::string& id) {
    std::vector<std::string> texts;
    for (const std::size_t place : family.places)
        if (const auto* s = find_setting(summary.tasks[place], id))
            texts.push_back(setting_label(s->setting));
    if (texts.empty()) return "";
    const bool same = std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts[0]; });
    return same ? texts[0] : fmt::format("{}", fmt::join(texts, " | "));
}

class Answer {
public:
    Answer(const Plan& plan, const std::vector<TaskRecords>& records, const Summary& summary,
           const SeedFamily& family)
        : plan_(plan), records_(records), summary_(summary), family_(family) {}

    std::optional<AnalysisRow> row() const {
        const Settings chosen = of_kind(first(), Kind::chosen);
        if (chosen.empty()) return {};
        Settings usable;
        for (const auto* s : chosen)
            if (!(metric_over(family_, summary_, s->id, "collapsed") > plan_.collapse_limit))
                usable.push_back(s);
        if (usable.empty())
            return AnalysisRow{family_.title, family_.title + ": none", std::vector<Interval>(8, no_number()),
                               "the outputs of every method's chosen setting collapse"};
        std::stable_sort(usable.begin(), usable.end(),
                         [&](const auto* a, const auto* b) { return score(a->id) > score(b->id); });
        return row_of(*usable[0], {usable.begin() + 1, usable.end()});
    }

private:
    const TaskSummary& first() const { return summary_.tasks[family_.places.front()]; }
    bool is_single() const { return family_.places.size() == 1; }
    double score(const std::string& id) const { return metric_over(family_, summary_, id, first().primary); }

    Interval over_seeds(const std::string& id, const std::string& other = "") const {
        const SeedGroups groups = seed_groups(family_, records_, first().primary, id, other);
        return seed_interval(plan_, summary_, groups, first().primary, !other.empty());
    }
    Interval score_of(const SettingSummary& s) const {
        const Interval* own = metric_of(s, first().primary);
        return is_single() && own ? *own : over_seeds(s.id);
    }
    Interval over(const SettingSummary& s, const std::string& what, const std::string& id) const {
        if (!is_single()) return over_seeds(s.id, id);
        const auto it = s.difference.find(what);
        return it == s.difference.end() ? no_number() : it->second;
    }
    Interval over_method(const SettingSummary& a, const SettingSummary& b) const {
        return is_single() ? pair_of(first(), a.id, b.id).difference : over_seeds(a.id, b.id);
    }
    bool is_better(const SettingSummary& a, const SettingSummary& b) const {
        return is_single() ? better(pair_of(first(), a.id, b.id)) : over_method(a, b).low > 0;
    }

    AnalysisRow row_of(const SettingSummary& best, const Settings& others) const {
        std::vector<std::string> remarks, equal;
        for (const auto* other : others)
            if (!is_better(best, *other)) equal.push_back(method_title(other->method));
        const Interval plain = over(best, zero_shot_id, zero_shot_id),
                       random = over(best, "random", random_id(best.method));
        const bool above_plain = plain.low > 0, above_random = !std::isfinite(random.mean) || random.low > 0;
        if (!above_plain) remarks.push_back("not above zero-shot");
        if (!above_random) remarks.push_back("not above its random control");
        if (!others.empty())
            remarks.push_back(equal.empty()
                                  ? fmt::format("better than {}", others.size() == 1
                                                                      ? method_title(others[0]->method)
                                                                      : std::string("all others"))
                                  : fmt::format("no difference shown from {}", fmt::join(equal, ", ")));
        remarks.push_back(settings_text(family_, summary_, best.id));
        // A name alone would read as a recommendation where nothing is shown to work.
        const std::string name = method_title(best.method);
        return {family_.title,
                fmt::format("{}: {}", family_.title,
                            above_plain && above_random ? name : "none shown (" + name + ")"),
                {score_of(best), plain, random, others.empty() ? no_number() : over_method(best, *others[0]),
                 plain_number(metric_over(family_, summary_, best.id, "collapsed")),
                 plain_number(perplexity_ratio(family_, summary_, best.id)),
                 plain_number(cost_over(family_, summary_, best.method, "tokens")),
                 plain_number(cost_over(family_, summary_, best.method, "queries"))},
                fmt::format("{}", fmt::join(remarks, "; ")),
                {{"method", best.method}}};
    }

    const Plan& plan_;
    const std::vector<TaskRecords>& records_;
    const Summary& summary_;
    const SeedFamily& family_;
};

}  // namespace

std::optional<AnalysisSummary> answers_table(const Plan& plan, const std::vector<TaskRecords>& records,
                                             const Summary& summary) {
    AnalysisSummary out{
        "answers",
        "Which method, for each task",
        fmt::format("The highest score at a chosen setting, of the methods whose outputs collapse in at most "
                    "{:.0f} %; how far it is above zero-shot, its random control and the next method; its "
                    "damage (collapsed outputs, perplexity as a multiple of zero-shot) and its cost (tokens "
                    "read for the extraction, the query from which it is cheaper than the few-shot prompt). "
                    "One seed: a difference counts when it is beyond chance after Holm's adjustment. Several "
                    "seeds: when the interval over seeds leaves out 0, which is not adjusted for the number "
                    "of methods. The remark ends with the setting, by seed.",
                    plan.collapse_limit * 100),
        "task and method",
        {{"score", "score"},
         {"over_zero_shot", "over zero-shot"},
         {"over_random", "over random"},
         {"over_next", "over next"},
         {"collapsed", "collapsed"},
         {"perplexity", "perplexity"},
         {"tokens", "tokens read"},
         {"queries", "from query"}},
        {},
        true};
    for (const auto& family : seed_families(summary))
        if (auto row = Answer(plan, records, summary, family).row()) out.rows.push_back(std::move(*row));
    return filled(std::move(out));
}

}  // namespace tiller::study
