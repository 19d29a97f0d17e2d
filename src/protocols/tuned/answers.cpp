// "answers": for each task the method to take, at which setting, how sure, at what damage and cost.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "protocols/tuned/seed_groups.h"
#include "study/adjust.h"
#include "study/candidate.h"

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
        Settings chosen = of_kind(first(), Kind::chosen);
        if (chosen.empty()) return {};
        std::stable_sort(chosen.begin(), chosen.end(),
                         [&](const auto* a, const auto* b) { return score(a->id) > score(b->id); });
        const std::vector<bool> shown = work(chosen);
        // Of those that work the highest; else the highest that there is, which is not crowned.
        const auto at = std::find(shown.begin(), shown.end(), true);
        const auto best = at == shown.end() ? std::size_t{0} : static_cast<std::size_t>(at - shown.begin());
        Settings others = chosen;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(best));
        return row_of(*chosen[best], others, at != shown.end());
    }

private:
    const TaskSummary& first() const { return summary_.tasks[family_.places.front()]; }
    bool is_single() const { return family_.places.size() == 1; }
    double score(const std::string& id) const { return metric_over(family_, summary_, id, first().primary); }

    Estimate difference(const std::string& id, const std::string& other) const {
        if (is_single()) {
            const PairSummary p = pair_of(first(), id, other);
            return {p.a.empty() ? no_number() : p.difference, p.p};
        }
        return over_seeds(seed_groups(family_, records_, first().primary, id, other), first().primary, true);
    }
    Interval score_of(const SettingSummary& s) const {
        const Interval* own = metric_of(s, first().primary);
        return is_single() && own
                   ? *own
                   : over_seeds(seed_groups(family_, records_, first().primary, s.id), first().primary, false)
                         .interval;
    }
    // What the setting has to be above: zero-shot, and the controls that every seed has.
    std::vector<std::string> bars(const SettingSummary& s) const {
        std::vector<std::string> ids = {zero_shot_id};
        for (auto& id : control_ids(s.method)) ids.push_back(std::move(id));
        std::erase_if(ids, [&](const auto& id) { return !find_setting(first(), id); });
        return ids;
    }
    // The control that is hardest to be above.
    Interval over_control(const SettingSummary& s) const {
        Interval least = no_number();
        for (const auto& id : bars(s))
            if (id != zero_shot_id)
                if (const Interval d = difference(s.id, id).interval; !(d.low >= least.low)) least = d;
        return least;
    }
    std::vector<bool> work(const Settings& chosen) const {
        std::vector<bool> out;
        if (is_single()) {
            for (const auto* s : chosen) out.push_back(works(*s));
            return out;
        }
        std::vector<double> p;
        for (const auto* s : chosen) {
            double greatest = 0;
            for (const auto& id : bars(*s)) {
                const Estimate d = difference(s->id, id);
                greatest = std::max(greatest, d.interval.mean > 0 ? d.p : 1.0);
            }
            p.push_back(greatest);
        }
        for (const double adjusted : holm(p)) out.push_back(adjusted <= kLevel);
        return out;
    }
    // Those of `others` that `best` is better than, adjusted for all pairs of methods.
    std::set<std::string> beaten(const SettingSummary& best, const Settings& others) const {
        std::set<std::string> ids;
        if (is_single()) {
            for (const auto* other : others)
                if (better(pair_of(first(), best.id, other->id))) ids.insert(other->id);
            return ids;
        }
        std::vector<double> p;
        std::vector<const SettingSummary*> of;
        Settings all = others;
        all.push_back(&best);
        for (std::size_t i = 0; i < all.size(); ++i)
            for (std::size_t j = i + 1; j < all.size(); ++j) {
                const Estimate d = difference(all[j]->id, all[i]->id);
                p.push_back(d.p);
                of.push_back(j + 1 == all.size() && d.interval.mean > 0 ? all[i] : nullptr);
            }
        const auto adjusted = holm(p);
        for (std::size_t i = 0; i < p.size(); ++i)
            if (of[i] && adjusted[i] <= kLevel) ids.insert(of[i]->id);
        return ids;
    }

    AnalysisRow row_of(const SettingSummary& best, const Settings& others, bool is_shown) const {
        std::vector<std::string> remarks, equal;
        const auto worse = beaten(best, others);
        for (const auto* other : others)
            if (!worse.contains(other->id)) equal.push_back(method_title(other->method));
        const Interval plain = difference(best.id, zero_shot_id).interval, control = over_control(best);
        if (!is_shown) {
            if (!(plain.low > 0)) remarks.push_back("not above zero-shot");
            if (std::isfinite(control.mean) && !(control.low > 0))
                remarks.push_back("not above its controls");
            if (remarks.empty()) remarks.push_back("not beyond chance");
        } else if (!others.empty()) {
            remarks.push_back(equal.empty()
                                  ? fmt::format("better than {}", others.size() == 1
                                                                      ? method_title(others[0]->method)
                                                                      : std::string("all others"))
                                  : fmt::format("no difference shown from {}", fmt::join(equal, ", ")));
        }
        if (const std::string draws = on_draws(best); !draws.empty()) remarks.push_back(draws);
        remarks.push_back(settings_text(family_, summary_, best.id));
        // A name alone would read as a recommendation where nothing is shown to work.
        const std::string name = method_title(best.method);
        return {family_.title,
                fmt::format("{}: {}", family_.title, is_shown ? name : "none shown (" + name + ")"),
                {score_of(best), plain, control,
                 others.empty() ? no_number() : difference(best.id, others[0]->id).interval,
                 plain_number(metric_over(family_, summary_, best.id, "broken")),
                 plain_number(perplexity_ratio(family_, summary_, best.id)),
                 plain_number(cost_over(family_, summary_, best.method, "tokens")),
                 plain_number(cost_over(family_, summary_, best.method, "queries"))},
                fmt::format("{}", fmt::join(remarks, "; ")),
                {{"method", best.method}, {"shown", is_shown ? "yes" : "no"}}};
    }
    // "above zero-shot on 14 of 15 draws": draws of all seeds.
    std::string on_draws(const SettingSummary& best) const {
        int n = 0, n_above = 0;
        for (const std::size_t place : family_.places) {
            const PairSummary p = pair_of(summary_.tasks[place], best.id, zero_shot_id);
            n += p.n_draw, n_above += p.n_draw_better;
        }
        return n > 0 ? fmt::format("above zero-shot on {} of {} draws", n_above, n) : "";
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
        "The highest score at a chosen setting, of the methods that are shown to work: above zero-shot and "
        "above each of their controls, at 5 %, adjusted by Holm's method for the methods of the task. How "
        "far "
        "it is above zero-shot, above the control that is hardest to be above, and above the next method; "
        "its "
        "damage (broken texts, perplexity as a multiple of zero-shot) and its cost (tokens read for the "
        "extraction, the query from which it is cheaper than the few-shot prompt). Over several seeds, "
        "intervals and tests are over items and seeds. The remark ends with the setting, by seed.",
        "task and method",
        {{"score", "score"},
         {"over_zero_shot", "over zero-shot"},
         {"over_control", "over control"},
         {"over_next", "over next"},
         {"broken", "broken"},
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
