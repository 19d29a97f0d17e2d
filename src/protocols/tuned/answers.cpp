// The table "answers": for each task the method to take and its setting, how sure that is, and at what damage
// and cost.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/names.h"
#include "protocols/tuned/evidence.h"
#include "protocols/tuned/seed_groups.h"
#include "study/adjust.h"
#include "study/candidate.h"

namespace tiller::study {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Mean of f(task) over the seeds for which it is a number; NaN when there is none.
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
        const auto* s = t.find(id);
        return s ? score_of(*s, metric) : kNone;
    });
}

// Geometric mean over seeds of the perplexity as a multiple of the zero-shot prompt's.
double perplexity_ratio(const SeedFamily& family, const Summary& summary, const std::string& id) {
    return std::exp(mean_over(family, summary, [&](const TaskSummary& t) {
        const auto *s = t.find(id), *plain = t.find(zero_shot_id);
        return s && plain ? std::log(score_of(*s, "perplexity") / score_of(*plain, "perplexity")) : kNone;
    }));
}

double cost_over(const SeedFamily& family, const Summary& summary, const std::string& method,
                 const std::string& column) {
    return mean_over(family, summary, [&](const TaskSummary& t) {
        const auto* table = t.analysis("cost");
        return table ? table->at(method, column).mean : kNone;
    });
}

// "heads 7, layer 6": once when all seeds agree, else by seed with " | " in between.
std::string settings_text(const SeedFamily& family, const Summary& summary, const std::string& id) {
    std::vector<std::string> texts;
    for (const std::size_t place : family.places)
        if (const auto* s = summary.tasks[place].find(id)) texts.push_back(setting_label(s->setting));
    if (texts.empty()) return "";
    const bool same = std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts[0]; });
    return same ? texts[0] : fmt::format("{}", fmt::join(texts, " | "));
}

// All seeds of a task as one task: primary scores and pairs over all seeds, with p values adjusted as for a
// task of one seed.
TaskSummary over_all_seeds(const SeedFamily& family, const std::vector<TaskRecords>& records,
                           const Summary& summary) {
    TaskSummary all = summary.tasks[family.places.front()];
    if (family.places.size() == 1) return all;
    const auto estimate = [&](const std::string& a, const std::string& b) {
        return over_seeds(seed_groups(family, records, all.primary, a, b), all.primary, !b.empty());
    };
    for (auto& setting : all.test)
        setting.metrics = {{all.primary, estimate(setting.id, "").interval}}, setting.p_works.reset();
    for (auto& pair : all.pairs) {
        const Estimate difference = estimate(pair.a, pair.b);
        pair.difference = difference.interval, pair.p = difference.p;
    }
    adjust(all);
    return all;
}

class Answer {
public:
    Answer(const std::vector<TaskRecords>& records, const Summary& summary, const SeedFamily& family)
        : summary_(summary), family_(family), task_(over_all_seeds(family, records, summary)) {}

    std::optional<AnalysisRow> row() const {
        const Settings chosen = by_score(task_, of_kind(task_, Kind::chosen));
        if (chosen.empty()) return {};
        // The highest of the methods that work; else the highest of all, which is marked as not shown to
        // work.
        const auto at = std::find_if(chosen.begin(), chosen.end(), [](const auto* s) { return works(*s); });
        const bool is_shown = at != chosen.end();
        const SettingSummary& best = is_shown ? **at : *chosen.front();
        Settings others = chosen;
        std::erase(others, &best);
        return row_of(best, others, is_shown);
    }

private:
    Interval difference(const std::string& id, const std::string& other) const {
        const PairSummary p = pair_of(task_, id, other);
        return p.a.empty() ? no_number() : p.difference;
    }
    // The difference to the control that the setting is least clearly above.
    Interval over_control(const SettingSummary& s) const {
        Interval least = no_number();
        for (const auto& id : control_ids(s.method))
            if (const Interval d = difference(s.id, id); std::isfinite(d.mean) && !(d.low >= least.low))
                least = d;
        return least;
    }

    AnalysisRow row_of(const SettingSummary& best, const Settings& others, bool is_shown) const {
        std::vector<std::string> remarks, equal;
        for (const auto* other : others)
            if (!better(pair_of(task_, best.id, other->id))) equal.push_back(method_title(other->method));
        const Interval plain = difference(best.id, zero_shot_id), control = over_control(best);
        const Interval* score = best.metric(task_.primary);
        if (!is_shown) {
            if (!(plain.low > 0)) remarks.emplace_back("not above zero-shot");
            if (std::isfinite(control.mean) && !(control.low > 0))
                remarks.emplace_back("not above its controls");
            if (remarks.empty()) remarks.emplace_back("not beyond chance");
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
                {score ? *score : no_number(), plain, control,
                 others.empty() ? no_number() : difference(best.id, others[0]->id),
                 plain_number(metric_over(family_, summary_, best.id, "broken")),
                 plain_number(perplexity_ratio(family_, summary_, best.id)),
                 plain_number(cost_over(family_, summary_, best.method, "tokens")),
                 plain_number(cost_over(family_, summary_, best.method, "queries"))},
                fmt::format("{}", fmt::join(remarks, "; ")),
                {{"method", best.method}, {"shown", is_shown ? "yes" : "no"}}};
    }
    // "above zero-shot on 14 of 15 draws", over the draws of all seeds; "" under one split.
    std::string on_draws(const SettingSummary& best) const {
        int n = 0, n_above = 0;
        for (const std::size_t place : family_.places) {
            const PairSummary p = pair_of(summary_.tasks[place], best.id, zero_shot_id);
            n += p.n_draw, n_above += p.n_draw_better;
        }
        return n > 0 ? fmt::format("above zero-shot on {} of {} draws", n_above, n) : "";
    }

    const Summary& summary_;
    const SeedFamily& family_;
    TaskSummary task_;  // of all seeds together
};

}  // namespace

std::optional<AnalysisSummary> answers_table(const std::vector<TaskRecords>& records,
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
        if (auto row = Answer(records, summary, family).row()) out.rows.push_back(std::move(*row));
    return filled(std::move(out));
}

}  // namespace tiller::study
