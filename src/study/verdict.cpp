#include "study/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
double family_mean(const std::vector<const TaskSummary*>& tasks, const std::string& id, const std::string& name) {
    double sum = 0;
    int n = 0;
    for (const auto* t : tasks)
        if (const Interval* i = metric(find(*t, id), name.empty() ? t->primary : name)) {
            sum += i->mean;
            ++n;
        }
    return n ? sum / n : std::nan("");
}

std::string share(double value) { return std::isnan(value) ? "n/a" : fmt::format("{:.0f} %", percent(value)); }

}  // namespace

std::string verdict(const TaskSummary& t) {
    const auto* fv = find(t, "fv-chosen");
    const auto* icv = find(t, "icv-chosen");
    const std::string what = t.primary == "style" ? "style score" : "first-token accuracy";
    std::string text;
    if (fv && icv) {
        const Interval d = fv->difference.count("icv-chosen") ? fv->difference.at("icv-chosen") : Interval{};
        const auto points = [](double v) { return std::abs(v) * 100; };
        if (d.low > 0)
            text = fmt::format("FV better by {:.0f} points (95 % {:.0f} to {:.0f}): {} {} against {} for ICV", points(d.mean), points(d.low),
                               points(d.high), what, scored(t, "fv-chosen"), scored(t, "icv-chosen"));
        else if (d.high < 0)
            text = fmt::format("ICV better by {:.0f} points (95 % {:.0f} to {:.0f}): {} {} against {} for FV", points(d.mean), points(d.high),
                               points(d.low), what, scored(t, "icv-chosen"), scored(t, "fv-chosen"));
        else
            text = fmt::format("No difference shown between FV ({}) and ICV ({}) in {}", scored(t, "fv-chosen"), scored(t, "icv-chosen"), what);
        text += fmt::format("; zero-shot {}", scored(t, "zero-shot"));
        const auto prompt = std::find_if(t.test.begin(), t.test.end(), [](const SettingSummary& s) { return s.method == "prompt"; });
        if (prompt != t.test.end()) text += fmt::format(", {} {}", prompt->id, scored(t, prompt->id));
        text += ".";
        const bool f = above_random(fv), i = above_random(icv);
        const bool controls = fv->difference.count("random") != 0;
        if (controls && !f && !i) text += " Neither effect is above its random control.";
        if (controls && f != i) text += fmt::format(" Only the {}'s effect is above its random control.", f ? "FV" : "ICV");
    } else {
        const auto* one = fv ? fv : icv;
        text = one ? fmt::format("{}: {} {}, zero-shot {}{}.", one->label, what, scored(t, one->id), scored(t, "zero-shot"),
                                 above_random(one) ? "; above the random control" : "")
                   : fmt::format("Baselines only: zero-shot {} {}.", what, scored(t, "zero-shot"));
    }
    if (const auto* best = metric(icv, "collapsed"); best && best->mean > 0.05)
        text += fmt::format(" At the ICV's setting {:.0f} % of the outputs collapse.", percent(best->mean));
    return text;
}

std::vector<std::string> findings(const Summary& summary) {
    std::vector<const TaskSummary*> precise, behavioural;
    for (const auto& t : summary.tasks) (t.family == "behavioural" ? behavioural : precise).push_back(&t);
    std::vector<std::string> out;
    const auto counts = [](const std::vector<const TaskSummary*>& tasks) {
        int fv = 0, icv = 0;
        for (const auto* t : tasks) {
            const auto* s = find(*t, "fv-chosen");
            if (!s || !s->difference.count("icv-chosen")) continue;
            const Interval& d = s->difference.at("icv-chosen");
            fv += d.low > 0;
            icv += d.high < 0;
        }
        return std::pair(fv, icv);
    };
    const auto tasks_text = [](std::size_t n, const char* family) { return fmt::format("{} {} task{}", n, family, n == 1 ? "" : "s"); };
    if (!precise.empty()) {
        const auto [fv, icv] = counts(precise);
        out.push_back(fmt::format("On {}, the function vector at its chosen setting gets {} of first tokens right and the in-context vector {} "
                                  "(zero-shot {}, prompting with examples {}, random directions {}); the FV is clearly better on {}, the ICV on {}.",
                                  tasks_text(precise.size(), "precise-answer"), share(family_mean(precise, "fv-chosen", "")),
                                  share(family_mean(precise, "icv-chosen", "")), share(family_mean(precise, "zero-shot", "")),
                                  [&] {
                                      for (const auto& s : precise[0]->test)
                                          if (s.method == "prompt") return share(family_mean(precise, s.id, ""));
                                      return std::string("n/a");
                                  }(),
                                  share(family_mean(precise, "fv-random", "")), fv, icv));
    }
    if (!behavioural.empty()) {
        const auto [fv, icv] = counts(behavioural);
        out.push_back(fmt::format("On {}, the in-context vector at its chosen setting moves the mean style score from {} to {} with {} of outputs "
                                  "collapsed, the function vector to {} with {}; the ICV is clearly better on {}, the FV on {}.",
                                  tasks_text(behavioural.size(), "behavioural"), share(family_mean(behavioural, "zero-shot", "")),
                                  share(family_mean(behavioural, "icv-chosen", "")), share(family_mean(behavioural, "icv-chosen", "collapsed")),
                                  share(family_mean(behavioural, "fv-chosen", "")), share(family_mean(behavioural, "fv-chosen", "collapsed")), icv, fv));
    }
    return out;
}

}  // namespace tiller::study
