#include "study/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/task_context.h"

namespace tiller::study {
namespace {

struct Score {
    double primary = 0, logprob = 0, collapsed = 0;
    int n = 0;
    // With one collapsed and one whole output added: none of 20 is no promise, and one of 20 is none at all.
    double expected_collapse() const { return (collapsed + 1) / (n + 2); }
};

double number(const ItemRecord& record, const std::string& key, double missing) {
    const auto it = record.scores.find(key);
    return it != record.scores.end() && std::isfinite(it->second) ? it->second : missing;
}

// Highest accuracy, within what so few items can tell: one standard error below the best counts as equal, and
// the log-probability, which is far less noisy than a handful of hits, decides.
std::size_t choose_functional(const std::vector<Score>& scores) {
    double best = 0;
    for (const Score& s : scores) best = std::max(best, s.primary / s.n);
    // With one success and one failure added: the plain estimate calls 1 hit of 17 certain to be better than
    // none.
    const double n = std::max(1, scores.front().n), share = (best * n + 1) / (n + 2);
    const double error = std::sqrt(share * (1 - share) / n);
    std::size_t chosen = scores.size();
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (scores[i].primary / scores[i].n < best - error) continue;
        if (chosen == scores.size() || scores[i].logprob > scores[chosen].logprob) chosen = i;
    }
    return chosen;
}

// Above the limit of collapsed outputs, less damage wins; below it, more effect.
std::size_t choose_behavioural(const std::vector<Score>& scores, double collapse_limit) {
    const auto better = [&](const Score& a, const Score& b) {
        const double ca = a.expected_collapse(), cb = b.expected_collapse();
        if ((ca > collapse_limit) != (cb > collapse_limit)) return ca <= collapse_limit;
        if (ca > collapse_limit && ca != cb) return ca < cb;
        return a.primary > b.primary;
    };
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < scores.size(); ++i)
        if (better(scores[i], scores[chosen])) chosen = i;
    return chosen;
}

}  // namespace

std::size_t choose(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   bool behavioural, double collapse_limit) {
    const std::string primary = primary_metric(behavioural);
    std::map<std::string, Score> by_setting;
    for (const auto& record : records) {
        Score& s = by_setting[record.setting];
        s.primary += number(record, primary, 0);
        s.logprob += number(record, "logprob", -100);  // a broken row has none
        s.collapsed += number(record, "collapsed", 0);
        ++s.n;
    }
    std::vector<Score> scores;
    for (const Candidate& candidate : grid) scores.push_back(by_setting.at(candidate.id));
    return behavioural ? choose_behavioural(scores, collapse_limit) : choose_functional(scores);
}

std::vector<std::string> choice_rules(const Plan& plan) {
    std::vector<std::string> rules = {
        "Functional and extractive tasks: among the settings whose first-token accuracy on the validation "
        "split is within one standard error of the best, the one with the highest mean log-probability of "
        "the answer (ties: the earlier point of the grid).",
        fmt::format(
            "Behavioural tasks: among the settings whose expected share of collapsed outputs is at most "
            "{:.0f} % ((collapsed + 1) / (items + 2) on the validation split), the one with the highest "
            "style score; when none keeps that limit, the one with the fewest collapsed outputs.",
            plan.collapse_limit * 100)};
    if (plan.tuning.n_setting > 0)
        rules.push_back(
            fmt::format("Equal budgets: every method tries {} settings ({} where text is generated for "
                        "each): the paper's and a Latin hypercube sample of what the method can vary for "
                        "half of them, then the neighbours of the best until then.",
                        plan.tuning.n_setting, plan.tuning.n_setting_behavioural));
    return rules;
}

}  // namespace tiller::study
