// Sentences of a study under the paper's protocol, computed from the numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "protocols/paper/paper.h"
#include "study/phrases.h"

namespace tiller::study {
namespace {

const Interval* primary_of(const TaskSummary& t, const std::string& id) {
    const auto* s = t.find(id);
    return s ? s->metric(t.primary) : nullptr;
}

// The zero-shot condition of a method in the main table; nullptr when there is none.
const SettingSummary* steered(const TaskSummary& t, const std::string& method) {
    for (const auto& s : t.test) {
        const auto shots = s.setting.find("shots");
        if (s.method == method && shots != s.setting.end() && shots->second == 0) return &s;
    }
    return nullptr;
}

// A method's condition with the highest mean of the table's metric; nullptr when there is none.
const SettingSummary* best_in(const TaskSummary& t, const char* table, const char* method) {
    const SettingSummary* best = nullptr;
    for (const auto& part : t.tables) {
        if (part.id != table) continue;
        for (const auto& s : part.settings) {
            const auto value = s.metrics.find(part.primary);
            if (s.method != method || value == s.metrics.end()) continue;
            if (!best || value->second.mean > best->metrics.at(part.primary).mean) best = &s;
        }
    }
    return best;
}

std::string effect(const SettingSummary& s) {
    const auto it = s.difference.find("unsteered");
    if (it == s.difference.end()) return "";
    if (it->second.low > 0) return ", clearly above the unsteered run";
    if (it->second.high < 0) return ", clearly below the unsteered run";
    return ", no difference to the unsteered run shown";
}

std::string name_of(const std::string& method) { return method == "fv" ? "FV" : "ICV"; }

}  // namespace

std::string Paper::verdict(const Plan& plan, const TaskSummary& t) const {
    std::vector<std::string> parts;
    for (const char* method : {"fv", "icv"})
        if (const auto* s = steered(t, method))
            parts.push_back(
                fmt::format("{} {}{}", name_of(method), percent(s->metrics.at(t.primary).mean), effect(*s)));
    std::vector<std::string> baselines;
    for (const auto& s : t.test)
        if (const auto* value = s.kind == Kind::baseline ? primary_of(t, s.id) : nullptr)
            baselines.push_back(fmt::format("{} {}", s.id, percent(value->mean)));
    std::string text =
        fmt::format("{}: {}{}{}.", t.primary == "style" ? "Style score" : "First-word score",
                    fmt::join(parts, "; "), parts.empty() ? "" : "; ", fmt::join(baselines, ", "));
    if (const auto* best = best_in(t, "strength", "icv")) {
        const double highest = best->metrics.at(t.primary).mean;
        text += highest > 0
                    ? fmt::format(
                          " Highest of the ICV's conditions, picked on the test items themselves: {} at {}.",
                          percent(highest), best->label)
                    : " None of the ICV's conditions gets above 0 %.";
    }
    for (const char* method : {"fv", "icv"})
        if (const auto* s = steered(t, method))
            if (collapses(*s, plan.collapse_limit))
                text += fmt::format(" {} of the {}'s outputs collapse.", percent(score_of(*s, "collapsed")),
                                    name_of(method));
    return text;
}

namespace {

// Mean over the tasks that have the number; empty when none has.
template <class Of>
std::string mean_over(const Tasks& tasks, const Of& of) {
    std::vector<double> means;
    for (const auto* t : tasks)
        if (const Interval* value = of(*t)) means.push_back(value->mean);
    return means.empty() ? "" : percent(mean_of(means));
}

}  // namespace

std::vector<std::string> Paper::findings(const Plan&, const Summary& summary) const {
    std::vector<std::string> out;
    for (const bool behavioural : {false, true}) {
        const Tasks tasks = tasks_of(summary, behavioural);
        if (tasks.empty()) continue;
        std::vector<std::string> parts;
        for (const char* method : {"fv", "icv"}) {
            const std::string value = mean_over(tasks, [&](const TaskSummary& t) -> const Interval* {
                const auto* s = steered(t, method);
                return s ? &s->metrics.at(t.primary) : nullptr;
            });
            if (value.empty()) continue;
            int above = 0, below = 0;
            for (const auto* t : tasks)
                if (const auto* s = steered(*t, method)) {
                    above += s->difference.at("unsteered").low > 0;
                    below += s->difference.at("unsteered").high < 0;
                }
            parts.push_back(fmt::format("{} {} (clearly above the unsteered run on {}, below on {})",
                                        name_of(method), value, above, below));
        }
        parts.push_back("zero-shot " +
                        mean_over(tasks, [](const TaskSummary& t) { return primary_of(t, zero_shot_id); }));
        parts.push_back("in-context learning " +
                        mean_over(tasks, [](const TaskSummary& t) -> const Interval* {
                            for (const auto& s : t.test)
                                if (s.method == "prompt" && !s.setting.count("shots"))
                                    return primary_of(t, s.id);
                            return nullptr;
                        }));
        out.push_back(fmt::format("On {}, mean {} at the paper's settings, zero-shot: {}.",
                                  n_tasks(tasks.size(), family_word(behavioural)),
                                  behavioural ? "style score" : "first-word score", fmt::join(parts, ", ")));
    }
    return out;
}

std::vector<std::string> Paper::notes(const Plan& plan) const {
    std::vector<std::string> notes = {
        // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): sentences over several lines.
        "Nothing is tuned: every condition is fixed beforehand (docs/protocol.md). A highest value among "
        "conditions is picked on the test items and is therefore too good.",
        "Splits: the paper's own (sklearn's train_test_split with the study's seed): 70 % train (pairs, "
        "demonstrations, style scorer), 9 % validation (queries of the function vector's extraction), 21 % "
        "test.",
        "Prompts with permuted labels: right demonstrations whose answers change places. The in-context "
        "learning baseline has right labels.",
        fmt::format("Outputs: {} new tokens, temperature {}, top-p {}, whatever follows the answer. "
                    "First word and F1 are of the first match of [\\w. ]+ with a letter or digit; present, "
                    "n-gram entropy and distinct-n are of the whole output.",
                    plan.max_new_tokens, plan.temperature, plan.top_p),
        "Style stands in place of the paper's two downloaded classifiers.",
    };
    for (const auto& defect : paper_defects())
        if (has_defect(plan, defect.name))
            notes.push_back(fmt::format("Known defect of the paper's code, repeated here ({}): {}",
                                        defect.name, defect.effect));
    return notes;
}

}  // namespace tiller::study
