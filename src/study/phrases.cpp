#include "study/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/names.h"

namespace tiller::study {

std::string plain_text_warning(const std::string& model) {
    return fmt::format(
        "{} has a chat template and is asked in plain text (\"Q: ... A:\"). If it was trained for "
        "conversations, "
        "what holds here need not hold in them: compare it in its own format too (chat = true in a plan).",
        model);
}

Settings of_kind(const TaskSummary& t, Kind kind) {
    Settings out;
    for (const auto& s : t.test)
        if (s.kind == kind && s.layers.empty()) out.push_back(&s);
    return out;
}

double score_of(const SettingSummary& s, const std::string& name) {
    const Interval* i = s.metric(name);
    return i ? i->mean : std::nan("");
}

Settings by_score(const TaskSummary& t, Settings settings) {
    std::stable_sort(settings.begin(), settings.end(), [&](const auto* a, const auto* b) {
        return score_of(*a, t.primary) > score_of(*b, t.primary);
    });
    return settings;
}

Tasks tasks_of(const Summary& summary, bool behavioural) {
    Tasks out;
    for (const auto& t : summary.tasks)
        if (t.behavioural() == behavioural) out.push_back(&t);
    return out;
}

PairSummary pair_of(const TaskSummary& t, const std::string& a, const std::string& b) {
    for (const auto& p : t.pairs) {
        if (p.a == a && p.b == b) return p;
        if (p.a != b || p.b != a) continue;
        PairSummary turned = p;
        turned.a = a, turned.b = b;
        turned.difference = {-p.difference.mean, -p.difference.high, -p.difference.low};
        std::swap(turned.n_better, turned.n_worse);
        std::swap(turned.n_draw_better, turned.n_draw_worse);
        return turned;
    }
    return {};
}

bool better(const PairSummary& p) { return p.difference.mean > 0 && p.p_holm <= kLevel; }

bool works(const SettingSummary& s) { return s.p_works && *s.p_works <= kLevel; }

bool off_zero(const Interval& i) { return i.low > 0 || i.high < 0; }

bool collapses(const SettingSummary& s, double limit) {
    const Interval* collapsed = s.metric("collapsed");
    return collapsed && collapsed->mean > limit;
}

std::string percent(double share) { return std::isnan(share) ? "n/a" : fmt::format("{:.0f} %", 100 * share); }

std::string with_score(const TaskSummary& t, const SettingSummary& s) {
    return fmt::format("{} ({})", method_title(s.method),
                       s.metric(t.primary) ? percent(score_of(s, t.primary)) : "no score");
}

const char* family_word(bool behavioural) { return behavioural ? "behavioural" : "precise-answer"; }

std::string n_tasks(std::size_t n, const char* family) {
    return fmt::format("{} {}{}task{}", n, family ? family : "", family ? " " : "", n == 1 ? "" : "s");
}

}  // namespace tiller::study
