// Sentences of a tuned study, computed from the numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "core/names.h"
#include "protocols/tuned/tuned.h"
#include "scoring/metrics.h"
#include "study/candidate.h"
#include "study/phrases.h"

namespace tiller::study {
namespace {

std::string scored(const TaskSummary& t, const SettingSummary& s) {
    return s.metric(t.primary) ? percent(score_of(s, t.primary)) : "no score";
}

std::string p_text(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.2g}", p); }

// For a difference that is not shown: how large a difference these items and draws would have shown. Where
// the unadjusted interval is above 0, the adjusted p value instead. "" where all items are equal.
std::string could_show(const PairSummary& p) {
    if (p.difference.low > 0)
        return fmt::format("{} with the task's other comparisons counted", p_text(p.p_holm));
    const double half = (p.difference.high - p.difference.low) / 2;
    return half > 0 ? fmt::format("{:.0f} points or more would have shown", std::ceil(100 * half)) : "";
}

std::string in_brackets(const std::string& text) { return text.empty() ? "" : " (" + text + ")"; }

std::string on_draws(const PairSummary& p) {
    return p.n_draw > 0 ? fmt::format(", on {} of {} draws", p.n_draw_better, p.n_draw) : "";
}

std::string two_methods(const TaskSummary& t, const SettingSummary& best, const SettingSummary& other,
                        const std::string& what) {
    const PairSummary p = pair_of(t, best.id, other.id);
    const std::string a = method_title(best.method), b = method_title(other.method);
    const auto ahead = [&](const char* how) {
        return fmt::format("{} {} by {:.0f} points (95 % {:.0f} to {:.0f}{})", a, how,
                           p.difference.mean * 100, p.difference.low * 100, p.difference.high * 100,
                           on_draws(p));
    };
    const std::string scores =
        fmt::format(": {} {} against {} for {}", what, scored(t, best), scored(t, other), b);
    if (better(p)) return ahead("better") + scores;
    if (p.difference.low > 0)
        return ahead("ahead") + fmt::format(", but not beyond chance ({})", p_text(p.p_holm)) + scores;
    return fmt::format("No difference shown between {} ({}) and {} ({}) in {}{}", a, scored(t, best), b,
                       scored(t, other), what, in_brackets(could_show(p)));
}

std::string many_methods(const TaskSummary& t, const SettingSummary& best, const Settings& others,
                         const std::string& what) {
    std::vector<std::string> beaten, equal;
    for (const auto* other : others) {
        const PairSummary p = pair_of(t, best.id, other->id);
        if (better(p))
            beaten.push_back(with_score(t, *other));
        else
            equal.push_back(with_score(t, *other) + in_brackets(could_show(p)));
    }
    std::string text = fmt::format("Highest {}: {} ({})", what, method_title(best.method), scored(t, best));
    if (!beaten.empty()) text += fmt::format("; better than {}", fmt::join(beaten, ", "));
    if (!equal.empty()) text += fmt::format("; no difference shown from {}", fmt::join(equal, ", "));
    return text;
}

// What a method that is not shown to work is not shown to be above.
std::string short_of(const TaskSummary& t, const SettingSummary& s) {
    std::vector<std::string> missed;
    for (const auto& p : t.pairs) {
        const auto* other = p.a == s.id ? t.find(p.b) : nullptr;
        if (!other || other->kind == Kind::chosen || better(p)) continue;
        const std::string shown = could_show(p);
        missed.push_back(
            fmt::format("{} ({}{}{})", p.b, scored(t, *other), shown.empty() ? "" : "; ", shown));
    }
    if (!missed.empty()) return fmt::format("not above {}", fmt::join(missed, " nor "));
    return s.p_works
               ? fmt::format("not beyond chance with the other methods counted ({})", p_text(*s.p_works))
               : "";
}

std::string compared(const TaskSummary& t, const Settings& counted, const std::string& what) {
    const SettingSummary& best = *counted[0];
    if (counted.size() == 1)
        return fmt::format("{}: {} {}", method_title(best.method), what, scored(t, best));
    if (counted.size() == 2) return two_methods(t, best, *counted[1], what);
    return many_methods(t, best, {counted.begin() + 1, counted.end()}, what);
}

std::string beside_baselines(const TaskSummary& t) {
    std::string text;
    for (const auto* s : of_kind(t, Kind::baseline))
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", s->id, scored(t, *s));
    return text.empty() ? "" : "; " + text;
}

// What the primary score does not show of a setting that works: broken texts, disagreement of the second
// judge, few exact answers.
std::string remarks(const TaskSummary& t, const SettingSummary& s) {
    std::string text;
    const std::string title = method_title(s.method);
    if (const Interval* broken = s.metric("broken"); broken && broken->mean > 0)
        text += fmt::format(" {} of {}'s texts are broken.", percent(broken->mean), title);
    const auto* plain = t.find(zero_shot_id);
    const double own = score_of(s, "second_judge"), before = plain ? score_of(*plain, "second_judge") : NAN;
    if (own <= before)
        text += fmt::format(
            " The second judge does not share that {} changes the style ({:.2f}, {:.2f} "
            "zero-shot).",
            title, own, before);
    constexpr double kFar = 0.1;
    if (const Interval* exact = s.metric("exact"); t.primary == "first_token" && exact &&
                                                   score_of(s, t.primary) - exact->mean > kFar &&
                                                   2 * exact->mean < score_of(s, t.primary))
        text += fmt::format(" {}'s first tokens and whole answers disagree: {} of the answers are exact.",
                            title, percent(exact->mean));
    return text;
}

}  // namespace

std::string Tuned::verdict(const Plan&, const TaskSummary& t) const {
    const std::string what = metric_label(t.primary);
    const Settings chosen = by_score(t, of_kind(t, Kind::chosen));
    if (chosen.empty()) return fmt::format("Baselines only: {}{}.", what, beside_baselines(t));
    Settings shown, others;
    for (const auto* s : chosen) (works(*s) ? shown : others).push_back(s);
    std::string text;
    if (shown.empty())
        text = fmt::format("No method is shown to work; highest {}: {}", what, with_score(t, *others[0]));
    else
        text = compared(t, shown, what);
    text += beside_baselines(t) + ".";
    for (const auto* s : others)
        if (const std::string missed = short_of(t, *s); !missed.empty())
            text += fmt::format(" {} ({}) is {}.", method_title(s->method), scored(t, *s), missed);
    for (const auto* s : shown) text += remarks(t, *s);
    return text;
}

namespace {

// Mean over the tasks that have the setting; NaN when none has.
double family_mean(const Tasks& tasks, const std::string& id, const std::string& name = "") {
    std::vector<double> means;
    for (const auto* t : tasks)
        for (const auto& s : t->test)
            if (const Interval* i = s.id == id ? s.metric(name.empty() ? t->primary : name) : nullptr)
                means.push_back(i->mean);
    return mean_of(means);
}

// Does the run have several seeds?
bool repeated(const Tasks& tasks) {
    std::set<std::uint64_t> seeds;
    for (const auto* t : tasks) seeds.insert(t->seed);
    return seeds.size() > 1;
}

// Does the setting work, and is it the first of `counted` and shown to be better than each of the others?
bool beats_all(const TaskSummary& t, const SettingSummary& s, const Settings& counted) {
    return works(s) && counted.size() > 1 && counted[0] == &s &&
           std::all_of(counted.begin() + 1, counted.end(),
                       [&](const auto* other) { return better(pair_of(t, s.id, other->id)); });
}

// Does the setting work, and is none of the others shown to be better?
bool is_unbeaten(const TaskSummary& t, const SettingSummary& s, const Settings& counted) {
    return works(s) && std::none_of(counted.begin(), counted.end(), [&](const auto* other) {
               return other != &s && better(pair_of(t, other->id, s.id));
           });
}

// By method, the number of tasks on which counts(task, setting, chosen settings by score) is true.
template <class Counts>
std::map<std::string, int> cases_of(const Tasks& tasks, const Counts& counts) {
    std::map<std::string, int> cases;
    for (const auto* t : tasks) {
        const Settings counted = by_score(*t, of_kind(*t, Kind::chosen));
        for (const auto* s : counted)
            if (counts(*t, *s, counted)) ++cases[s->method];
    }
    return cases;
}

// "; clearly better than every other: FV on 2, ICV on 1". With more than two methods one is rarely better
// than every other; there it says how often each was shown to work while no other was shown to be better.
std::string clear_cases(const Tasks& tasks) {
    std::set<std::string> methods;
    for (const auto* t : tasks)
        for (const auto* s : of_kind(*t, Kind::chosen)) methods.insert(s->method);
    if (methods.size() < 2) return ".";
    const std::string of = repeated(tasks) ? fmt::format(" (of {} runs)", tasks.size()) : "";
    std::vector<std::string> texts;
    if (methods.size() == 2) {
        auto cases = cases_of(tasks, beats_all);
        if (cases.empty())
            return fmt::format("; neither {} nor {} is clearly better on any{}.",
                               method_title(*methods.begin()), method_title(*methods.rbegin()), of);
        for (const auto& method : methods)
            texts.push_back(fmt::format("{} on {}", method_title(method), cases[method]));
        return fmt::format("; clearly better than every other{}: {}.", of, fmt::join(texts, ", "));
    }
    const auto cases = cases_of(tasks, is_unbeaten);
    std::vector<std::pair<std::string, int>> counts(cases.begin(), cases.end());
    std::stable_sort(counts.begin(), counts.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [method, n] : counts) texts.push_back(fmt::format("{} on {}", method_title(method), n));
    if (texts.empty()) return fmt::format("; shown to work{}: none.", of);
    return fmt::format("; shown to work, and no other shown to be better{}: {}.", of, fmt::join(texts, ", "));
}

std::string how_many(const Tasks& tasks, const char* family) {
    std::set<std::string> models;
    std::set<std::uint64_t> seeds;
    std::set<std::pair<std::string, std::string>> different;
    for (const auto* t : tasks) {
        models.insert(t->model);
        seeds.insert(t->seed);
        different.emplace(t->model, t->name);
    }
    // A task counts once for each model, whatever the number of seeds.
    const std::string on = models.size() > 1 ? fmt::format(" over {} models", models.size()) : "";
    const std::string with = seeds.size() > 1 ? fmt::format(" with {} seeds each", seeds.size()) : "";
    return n_tasks(different.size(), family) + on + with;
}

std::string long_title(const std::string& method) {
    if (method == "fv") return "function vector";
    if (method == "icv") return "in-context vector";
    return method;
}

// Texts of the chosen settings, made by `text`, in the plan's order. With more than five methods: the four
// with the highest means, then one text on the range of the rest.
template <class Text>
std::vector<std::string> chosen_texts(const Tasks& tasks, const Text& text) {
    Settings chosen = of_kind(*tasks[0], Kind::chosen);
    const auto mean = [&](const SettingSummary* s) { return family_mean(tasks, s->id); };
    constexpr std::size_t n_most = 4;
    const bool many = chosen.size() > n_most + 1;
    if (many)
        std::stable_sort(chosen.begin(), chosen.end(),
                         [&](const auto* a, const auto* b) { return mean(a) > mean(b); });
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < (many ? n_most : chosen.size()); ++i) texts.push_back(text(*chosen[i]));
    if (many)
        texts.push_back(fmt::format("{} more methods {} to {}", chosen.size() - n_most,
                                    percent(mean(chosen[n_most])), percent(mean(chosen.back()))));
    return texts;
}

std::string precise_finding(const Tasks& tasks) {
    std::vector<std::string> baselines;
    const auto add = [&](std::vector<std::string>& list, const SettingSummary& s, const std::string& name) {
        list.push_back(fmt::format("{} {}", name, percent(family_mean(tasks, s.id))));
    };
    const auto methods = chosen_texts(tasks, [&](const SettingSummary& s) {
        return fmt::format("{} {}", long_title(s.method), percent(family_mean(tasks, s.id)));
    });
    for (const auto* s : of_kind(*tasks[0], Kind::baseline)) add(baselines, *s, s->id);
    for (const auto* s : of_kind(*tasks[0], Kind::control)) {
        add(baselines, *s, "random directions");
        break;
    }
    if (methods.empty())
        return fmt::format("On {}, baselines get these scores ({}): {}.", how_many(tasks, family_word(false)),
                           metric_label(tasks[0]->primary), fmt::join(baselines, ", "));
    return fmt::format("On {}, chosen settings get these scores ({}): {} ({}){}",
                       how_many(tasks, family_word(false)), metric_label(tasks[0]->primary),
                       fmt::join(methods, ", "), fmt::join(baselines, ", "), clear_cases(tasks));
}

std::string behavioural_finding(const Tasks& tasks) {
    const auto methods = chosen_texts(tasks, [&](const SettingSummary& s) {
        return fmt::format("{} {} with {} of texts broken", long_title(s.method),
                           percent(family_mean(tasks, s.id)), percent(family_mean(tasks, s.id, "broken")));
    });
    return fmt::format("On {}, the mean {} is {} zero-shot{}{}{}", how_many(tasks, family_word(true)),
                       metric_label(tasks[0]->primary), percent(family_mean(tasks, zero_shot_id)),
                       methods.empty() ? "" : "; at chosen settings: ", fmt::join(methods, ", "),
                       clear_cases(tasks));
}

}  // namespace

std::vector<std::string> Tuned::findings(const Plan&, const Summary& summary) const {
    std::vector<std::string> out;
    if (const Tasks precise = tasks_of(summary, false); !precise.empty())
        out.push_back(precise_finding(precise));
    if (const Tasks behavioural = tasks_of(summary, true); !behavioural.empty())
        out.push_back(behavioural_finding(behavioural));
    return out;
}

}  // namespace tiller::study
