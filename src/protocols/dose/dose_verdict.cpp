// Sentences of a study at equal doses, computed from the numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/names.h"
#include "protocols/dose/dose.h"
#include "study/choose.h"

namespace tiller::study {
namespace {

std::string limits(const Plan& plan, bool behavioural) {
    return fmt::format("damage at most {:.0f} points{}", 100 * plan.dose.damage_limit,
                       behavioural
                           ? fmt::format(", collapsed outputs at most {}", percent(plan.collapse_limit))
                           : std::string());
}

// Compares two settings: by how much one is ahead, and how sure that is.
std::string two(const TaskSummary& t, const SettingSummary& a, const SettingSummary& b) {
    const PairSummary p = pair_of(t, a.id, b.id);
    if (better(p))
        return fmt::format("{} ahead of {} by {:.0f} points (95 % {:.0f} to {:.0f}; adjusted p {:.2g})",
                           with_score(t, a), with_score(t, b), 100 * p.difference.mean,
                           100 * p.difference.low, 100 * p.difference.high, p.p_holm);
    return fmt::format("no difference shown between {} and {}", with_score(t, a), with_score(t, b));
}

std::string many(const TaskSummary& t, const Settings& ranked) {
    std::vector<std::string> beaten, equal;
    for (std::size_t i = 1; i < ranked.size(); ++i)
        (better(pair_of(t, ranked[0]->id, ranked[i]->id)) ? beaten : equal)
            .push_back(with_score(t, *ranked[i]));
    std::string text = "highest " + with_score(t, *ranked[0]);
    if (!beaten.empty()) text += fmt::format(", ahead of {}", fmt::join(beaten, ", "));
    if (!equal.empty()) text += fmt::format(", no difference shown from {}", fmt::join(equal, ", "));
    return text;
}

// Which settings are shown to be above their random controls.
std::string beside_random(const TaskSummary& t, const Settings& settings) {
    std::vector<std::string> above, not_above;
    for (const auto* s : settings)
        for (const auto& p : t.pairs)
            if (const auto* other = t.find(p.b); p.a == s->id && other && other->kind == Kind::control)
                (better(p) ? above : not_above).push_back(method_title(s->method));
    std::string text;
    if (!above.empty())
        text += fmt::format(" Above a random direction of equal dose: {}.", fmt::join(above, ", "));
    if (!not_above.empty())
        text += fmt::format(" Not shown to be above one: {}.", fmt::join(not_above, ", "));
    return text;
}

std::string unreached(const Plan& plan, const TaskSummary& t) {
    std::vector<std::string> parts;
    for (const auto& method : plan.methods) {
        std::vector<std::string> missing;
        for (const double target : plan.dose.targets)
            if (!t.find(dose_id(method, target))) missing.push_back(fmt::format("{}", target));
        if (!missing.empty())
            parts.push_back(fmt::format("{} {} nats", method_title(method), fmt::join(missing, ", ")));
    }
    return parts.empty() ? "" : fmt::format(" Doses not reached: {}.", fmt::join(parts, "; "));
}

}  // namespace

std::string dose_id(const std::string& method, double target) {
    return fmt::format("{} dose={}", method, target);
}

std::string nats_text(double dose) { return fmt::format("{} nat{}", dose, dose == 1 ? "" : "s"); }

DoseContests dose_contests(const Plan& plan, const TaskSummary& t) {
    std::map<double, DoseContest> limited, all;
    for (const auto& s : t.test) {
        if (s.kind != Kind::dose) continue;
        const double target = s.setting.at("target");
        const bool within =
            score_of(s, "damage") <= plan.dose.damage_limit && !collapses(s, plan.collapse_limit);
        limited[target].target = all[target].target = target;
        (within ? limited[target].within : limited[target].beyond).push_back(&s);
        all[target].within.push_back(&s);
    }
    const auto largest = [](const std::map<double, DoseContest>& contests) -> std::optional<DoseContest> {
        for (const std::size_t least : {std::size_t{2}, std::size_t{1}})
            for (auto it = contests.rbegin(); it != contests.rend(); ++it)
                if (it->second.within.size() >= least) return it->second;
        return std::nullopt;
    };
    DoseContests out{largest(limited), largest(all)};
    if (out.limited && out.largest && out.limited->target == out.largest->target &&
        out.limited->beyond.empty())
        out.largest.reset();
    return out;
}

namespace {

// Who is ahead at a dose.
std::string compared(const TaskSummary& t, const DoseContest& contest) {
    const auto ranked = by_score(t, contest.within);
    return ranked.size() > 2    ? many(t, ranked)
           : ranked.size() == 2 ? two(t, *ranked[0], *ranked[1])
                                : with_score(t, *ranked[0]) + " alone";
}

// The settings at this dose that are beyond the limits of damage and collapse.
std::string too_much(const TaskSummary& t, const DoseContest& contest) {
    if (contest.beyond.empty()) return "";
    const SettingSummary& best = *by_score(t, contest.within).front();
    std::vector<std::string> parts;
    for (const auto* s : contest.beyond)
        parts.push_back(fmt::format(
            "{} ({}{})", method_title(s->method), percent(score_of(*s, t.primary)),
            better(pair_of(t, best.id, s->id)) ? ", worse than " + method_title(best.method) : ""));
    return fmt::format(" Beyond the limits there: {}.", fmt::join(parts, ", "));
}

std::string damages(const Settings& settings) {
    std::vector<std::string> parts;
    for (const auto* s : settings)
        if (const Interval* damage = s->metric("damage"))
            parts.push_back(fmt::format("{} {:.0f}", method_title(s->method), 100 * damage->mean));
    return parts.empty() ? "" : fmt::format(" (points of damage: {})", fmt::join(parts, ", "));
}

}  // namespace

std::string Dose::verdict(const Plan& plan, const TaskSummary& t) const {
    const bool behavioural = t.behavioural();
    const auto [limited, largest] = dose_contests(plan, t);
    const std::string what = behavioural ? "style score" : "first-token accuracy";
    if (!limited && !largest) return "No method reaches a dose." + unreached(plan, t);
    std::string text =
        fmt::format("No method keeps within the limits at any dose ({}).", limits(plan, behavioural));
    if (limited)
        text = fmt::format("At {}, the largest dose at which {} within the limits ({}), by {}: {}.{}{}",
                           nats_text(limited->target),
                           limited->within.size() > 1 ? "two methods or more keep" : "a method keeps",
                           limits(plan, behavioural), what, compared(t, *limited), too_much(t, *limited),
                           beside_random(t, limited->within));
    if (largest)
        text += fmt::format(" Whatever the damage, at {}{}: {}{}.{}", nats_text(largest->target),
                            limited ? "" : ", by " + what, compared(t, *largest), damages(largest->within),
                            beside_random(t, largest->within));
    if (const auto* clean = t.find(zero_shot_id))
        text += fmt::format(" Unsteered: {}.", percent(score_of(*clean, t.primary)));
    return text + unreached(plan, t);
}

namespace {

// Counts over the tasks of a family, by method: tasks on which it is ahead of every other, and on which it is
// above its random control.
struct Tally {
    std::map<std::string, int> ahead, above;
    int n = 0, n_open = 0;

    void add(const TaskSummary& t, const std::optional<DoseContest>& contest) {
        if (!contest) return;
        for (const auto* s : contest->within)
            above[s->method] += better(pair_of(t, s->id, dose_id(random_id(s->method), contest->target)));
        // The best setting within the limits has to beat every other one at this dose, beyond the limits too.
        auto others = by_score(t, contest->within);
        if (others.empty() || others.size() + contest->beyond.size() < 2) return;
        ++n;
        const SettingSummary& best = *others.front();
        others.erase(others.begin());
        others.insert(others.end(), contest->beyond.begin(), contest->beyond.end());
        const bool wins = std::all_of(others.begin(), others.end(), [&](const auto* other) {
            return better(pair_of(t, best.id, other->id));
        });
        if (wins)
            ++ahead[best.method];
        else
            ++n_open;
    }
    std::string text(const Plan& plan) const {
        const auto counts = [&](const std::map<std::string, int>& of) {
            std::vector<std::string> parts;
            for (const auto& method : plan.methods) {
                const auto found = of.find(method);
                parts.push_back(
                    fmt::format("{} on {}", method_title(method), found == of.end() ? 0 : found->second));
            }
            return fmt::format("{}", fmt::join(parts, ", "));
        };
        std::string out =
            n == 0 ? "no two methods can be compared"
                   : fmt::format("ahead of every other: {}; none shown to be on {}", counts(ahead), n_open);
        if (plan.controls) out += "; above a random direction of equal dose: " + counts(above);
        return out;
    }
};

}  // namespace

std::vector<std::string> Dose::findings(const Plan& plan, const Summary& summary) const {
    std::vector<std::string> out;
    for (const bool behavioural : {false, true}) {
        Tally limited, largest;
        const Tasks tasks = tasks_of(summary, behavioural);
        for (const auto* t : tasks) {
            const auto contests = dose_contests(plan, *t);
            limited.add(*t, contests.limited);
            largest.add(*t, contests.largest ? contests.largest : contests.limited);
        }
        if (tasks.empty()) continue;
        const std::string on = n_tasks(tasks.size(), family_word(behavioural));
        out.push_back(fmt::format("On {}, compared at the largest dose within the limits ({}): {}.", on,
                                  limits(plan, behavioural), limited.text(plan)));
        out.push_back(fmt::format(
            "On {}, compared at the largest dose that two methods reach, whatever the damage: {}.", on,
            largest.text(plan)));
    }
    return out;
}

std::vector<std::string> Dose::notes(const Plan& plan) const {
    std::vector<std::string> notes = {
        "Dose: KL(steered || unsteered) of the next-token distribution after the zero-shot prompt, in nats, "
        "mean over validation items (at most 64). In this direction it is the mean surprise, under the "
        "unsteered model, that steering adds beyond its own uncertainty: it is large where steering brings "
        "out what the unsteered model rules out, and it stays finite and stable where steering removes a "
        "token, which the other direction would not.",
        fmt::format("For each dose the strength is found by doubling, from an eighth of the setting's own to "
                    "{} times it (what is replaced: to 1), and bisection, within {} of the target. A target "
                    "that no strength reaches is named and not compared.",
                    plan.dose.max_factor, percent(plan.dose.tolerance)),
        plan.dose.place == "paper"
            ? std::string("Where a method steers (layer, heads): its paper's setting.")
            : std::string(
                  "Where a method steers (layer, heads): chosen on validation items from the method's grid "
                  "by the rules that follow; the strength of the chosen setting is dropped."),
    };
    if (plan.dose.place != "paper")
        for (auto& rule : choice_rules(plan)) notes.push_back(std::move(rule));
    notes.push_back(fmt::format(
        "Damage: share of right first tokens lost on another task ({}), prompted with {} demonstrations, "
        "under the same edits. A verdict is given at one dose: the largest at which two methods or more cost "
        "at most {:.0f} points and, on behavioural tasks, at most {} of the outputs collapse.",
        fmt::join(plan.dose.unrelated, ", else "), plan.dose.n_shot_unrelated, 100 * plan.dose.damage_limit,
        percent(plan.collapse_limit)));
    notes.emplace_back(
        "A method is called ahead when McNemar's exact test (shares) or a permutation test (style) says so "
        "at 5 %, adjusted by Holm's method over the task's comparisons of the same kind: of methods with "
        "each other, "
        "or with random directions.");
    if (plan.controls)
        notes.emplace_back(
            "Random control: a random direction of the same norm at each site, brought to the same dose by "
            "its own strength.");
    return notes;
}

}  // namespace tiller::study
