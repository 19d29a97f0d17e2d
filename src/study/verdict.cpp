#include "study/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tiller::study {
namespace {

const SettingSummary* find(const TaskSummary& t, const std::string& id) {
    for (const auto& s : t.test)
        if (s.id == id) return &s;
    return nullptr;
}

double percent(double share) { return share * 100; }

const Interval* metric(const SettingSummary* s, const std::string& name) {
    if (!s) return nullptr;
    const auto it = s->metrics.find(name);
    return it == s->metrics.end() ? nullptr : &it->second;
}

std::string scored(const TaskSummary& t, const std::string& id) {
    const Interval* i = metric(find(t, id), t.primary);
    return i ? fmt::format("{:.0f} %", percent(i->mean)) : "no score";
}

bool above_random(const SettingSummary* s) {
    if (!s) return false;
    const auto it = s->difference.find("random");
    return it != s->difference.end() && it->second.low > 0;
}

// Mean over tasks of a family; nullopt-like NaN when no task has the setting.
double family_mean(const std::vector<const TaskSummary*>& tasks, const std::string& id,
                   const std::string& name) {
    double sum = 0;
    int n = 0;
    for (const auto* t : tasks)
        if (const Interval* i = metric(find(*t, id), name.empty() ? t->primary : name)) {
            sum += i->mean;
            ++n;
        }
    return n ? sum / n : std::nan("");
}

std::string share(double value) {
    return std::isnan(value) ? "n/a" : fmt::format("{:.0f} %", percent(value));
}

}  // namespace

std::string verdict(const TaskSummary& t, double collapse_limit) {
    const auto* fv = find(t, "fv-chosen");
    const auto* icv = find(t, "icv-chosen");
    const std::string what = t.primary == "style" ? "style score" : "first-token accuracy";
    std::string text;
    if (fv && icv) {
        const Interval d = fv->difference.count("icv-chosen") ? fv->difference.at("icv-chosen") : Interval{};
        const auto points = [](double v) { return std::abs(v) * 100; };
        if (d.low > 0)
            text = fmt::format("FV better by {:.0f} points (95 % {:.0f} to {:.0f}): {} {} against {} for ICV",
                               points(d.mean), points(d.low), points(d.high), what, scored(t, "fv-chosen"),
                               scored(t, "icv-chosen"));
        else if (d.high < 0)
            text = fmt::format("ICV better by {:.0f} points (95 % {:.0f} to {:.0f}): {} {} against {} for FV",
                               points(d.mean), points(d.high), points(d.low), what, scored(t, "icv-chosen"),
                               scored(t, "fv-chosen"));
        else
            text = fmt::format("No difference shown between FV ({}) and ICV ({}) in {}",
                               scored(t, "fv-chosen"), scored(t, "icv-chosen"), what);
        text += fmt::format("; zero-shot {}", scored(t, "zero-shot"));
        const auto prompt = std::find_if(t.test.begin(), t.test.end(),
                                         [](const SettingSummary& s) { return s.method == "prompt"; });
        if (prompt != t.test.end()) text += fmt::format(", {} {}", prompt->id, scored(t, prompt->id));
        text += ".";
        const bool f = above_random(fv), i = above_random(icv);
        const bool controls = fv->difference.count("random") != 0;
        if (controls && !f && !i) text += " Neither effect is above its random control.";
        if (controls && f != i)
            text += fmt::format(" Only the {}'s effect is above its random control.", f ? "FV" : "ICV");
    } else {
        const auto* one = fv ? fv : icv;
        text =
            one ? fmt::format("{}: {} {}, zero-shot {}{}.", one->label, what, scored(t, one->id),
                              scored(t, "zero-shot"), above_random(one) ? "; above the random control" : "")
                : fmt::format("Baselines only: zero-shot {} {}.", what, scored(t, "zero-shot"));
    }
    for (const auto& [name, setting] : {std::pair("FV", fv), std::pair("ICV", icv)})
        if (const auto* collapsed = metric(setting, "collapsed");
            collapsed && collapsed->mean > collapse_limit)
            text += fmt::format(" At the {}'s setting {:.0f} % of the outputs collapse.", name,
                                percent(collapsed->mean));
    return text;
}

namespace {

bool have(const std::vector<const TaskSummary*>& tasks, const std::string& id) {
    return std::any_of(tasks.begin(), tasks.end(),
                       [&](const TaskSummary* t) { return find(*t, id) != nullptr; });
}

// "; the FV is clearly better on 2, the ICV on 1", where both were run.
std::string clear_cases(const std::vector<const TaskSummary*>& tasks) {
    if (!have(tasks, "fv-chosen") || !have(tasks, "icv-chosen")) return ".";
    int fv = 0, icv = 0;
    for (const auto* t : tasks) {
        const auto* s = find(*t, "fv-chosen");
        if (!s || !s->difference.count("icv-chosen")) continue;
        fv += s->difference.at("icv-chosen").low > 0;
        icv += s->difference.at("icv-chosen").high < 0;
    }
    return fmt::format("; the FV is clearly better on {}, the ICV on {}.", fv, icv);
}

std::string how_many(const std::vector<const TaskSummary*>& tasks, const char* family) {
    std::set<std::string> models;
    for (const auto* t : tasks) models.insert(t->model);
    // A task counts once for every model and seed.
    const std::string on = models.size() > 1 ? fmt::format(" over {} models", models.size()) : "";
    return fmt::format("{} {} task{}{}", tasks.size(), family, tasks.size() == 1 ? "" : "s", on);
}

std::string precise_finding(const std::vector<const TaskSummary*>& tasks) {
    std::vector<std::string> methods, baselines;
    const auto add = [&](std::vector<std::string>& list, const std::string& id, const std::string& name) {
        if (have(tasks, id)) list.push_back(fmt::format("{} {}", name, share(family_mean(tasks, id, ""))));
    };
    add(methods, "fv-chosen", "the function vector at its chosen setting");
    add(methods, "icv-chosen", "the in-context vector");
    add(baselines, "zero-shot", "zero-shot");
    for (const auto& s : tasks[0]->test)
        if (s.method == "prompt") add(baselines, s.id, "prompting with examples");
    add(baselines, "fv-random", "random directions");
    if (methods.empty())
        return fmt::format("On {}, baselines get these shares of first tokens right: {}.",
                           how_many(tasks, "precise-answer"), fmt::join(baselines, ", "));
    return fmt::format("On {}, these shares of first tokens are right: {} ({}){}",
                       how_many(tasks, "precise-answer"), fmt::join(methods, ", "),
                       fmt::join(baselines, ", "), clear_cases(tasks));
}

std::string behavioural_finding(const std::vector<const TaskSummary*>& tasks) {
    std::vector<std::string> methods;
    for (const auto& [id, name] : {std::pair("icv-chosen", "the in-context vector at its chosen setting"),
                                   std::pair("fv-chosen", "the function vector")})
        if (have(tasks, id))
            methods.push_back(fmt::format("{} {} with {} of outputs collapsed", name,
                                          share(family_mean(tasks, id, "")),
                                          share(family_mean(tasks, id, "collapsed"))));
    return fmt::format("On {}, the mean style score is {} zero-shot{}{}{}", how_many(tasks, "behavioural"),
                       share(family_mean(tasks, "zero-shot", "")), methods.empty() ? "" : "; ",
                       fmt::join(methods, ", "), clear_cases(tasks));
}

}  // namespace

std::vector<std::string> findings(const Summary& summary) {
    std::vector<const TaskSummary*> precise, behavioural;
    for (const auto& t : summary.tasks) (t.family == "behavioural" ? behavioural : precise).push_back(&t);
    std::vector<std::string> out;
    if (!precise.empty()) out.push_back(precise_finding(precise));
    if (!behavioural.empty()) out.push_back(behavioural_finding(behavioural));
    return out;
}

}  // namespace tiller::study
