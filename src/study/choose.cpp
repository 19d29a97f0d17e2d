#include "study/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scoring/metrics.h"
#include "study/task_context.h"

namespace tiller::study {
namespace {

struct Mean {
    double sum = 0;
    int n = 0;
    void add(double value) { sum += value, ++n; }
    double value() const { return sum / n; }
};

struct Score {
    Mean values, ties;
    double squares = 0;
    std::map<int, Mean> by_draw;
    double mean() const { return values.n > 0 ? values.value() : 0; }
    double mean_tie() const { return ties.n > 0 ? ties.value() : -INFINITY; }
};

double number(const ItemRecord& record, const std::string& key, double missing) {
    const auto it = record.scores.find(key);
    return it != record.scores.end() && std::isfinite(it->second) ? it->second : missing;
}

// Over items, with a value of 1 and a value of 0 added. Without them, 1 hit of 17 would be more than one
// standard error above 0 hits.
double error_over_items(const Score& s, bool is_hit) {
    const double n = std::max(1, s.values.n);
    const double mean = (s.values.sum + 1) / (n + 2), squares = (s.squares + 1) / (n + 2);
    return std::sqrt(std::max(0.0, (is_hit ? mean : squares) - mean * mean) / n);
}

// Over draws: what a setting is worth depends on the vectors that were extracted, often more than on the
// items.
double error_over_draws(const Score& s) {
    const auto n = static_cast<double>(s.by_draw.size());
    if (n < 2) return 0;
    double sum = 0, squares = 0;
    for (const auto& [draw, mean] : s.by_draw) sum += mean.value();
    for (const auto& [draw, mean] : s.by_draw) squares += std::pow(mean.value() - sum / n, 2);
    return std::sqrt(squares / (n - 1) / n);
}

double standard_error(const Score& s, bool is_hit) {
    return std::max(error_over_items(s, is_hit), error_over_draws(s));
}

}  // namespace

std::size_t choose(const std::vector<Candidate>& grid, const std::vector<ItemRecord>& records,
                   const std::string& primary, const std::function<bool(const ItemRecord&)>& counts) {
    const Metric* metric = find_metric(primary);
    const bool is_hit = metric && metric->scale == Scale::hit, of_texts = primary == primary_metric(true);
    std::map<std::string, Score> by_setting;
    for (const auto& record : records) {
        if (counts && !counts(record)) continue;
        Score& s = by_setting[record.setting];
        const double value = number(record, primary, 0);
        s.values.add(value), s.squares += value * value;
        if (record.draw) s.by_draw[*record.draw].add(value);
        // A broken row has no log-probability and counts as -100. A text without tokens has no perplexity; it
        // is left out here, and its primary score is 0 anyway.
        const double tie = of_texts ? -number(record, "nll", NAN) : number(record, "logprob", -100);
        if (std::isfinite(tie)) s.ties.add(tie);
    }
    std::vector<Score> scores;
    for (const Candidate& candidate : grid) scores.push_back(by_setting[candidate.id]);
    const auto best = std::max_element(scores.begin(), scores.end(),
                                       [](const Score& a, const Score& b) { return a.mean() < b.mean(); });
    const double least = best->mean() - standard_error(*best, is_hit);
    auto chosen = static_cast<std::size_t>(best - scores.begin());
    bool any = false;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (scores[i].mean() < least) continue;
        if (!any || scores[i].mean_tie() > scores[chosen].mean_tie()) chosen = i;
        any = true;
    }
    return chosen;
}

std::vector<std::string> choice_rules(const Plan& plan) {
    std::vector<std::string> rules = {
        fmt::format("Settings for answers: among those whose {} is within one standard error of the best, "
                    "the one with the highest mean log-probability of the answer's first token (ties: the "
                    "earlier point of the grid).",
                    metric_label(plan.tuning.choose_by)),
        "Settings for texts: among those whose style of whole texts (0 where a text is broken) is within one "
        "standard error of the best, the one whose texts have the lowest perplexity."};
    if (plan.tuning.n_fold > 1)
        rules.emplace_back(
            "That standard error is over items or over draws, whichever is larger: a setting that one "
            "extraction "
            "alone makes good does not shut out those that are good with all.");
    if (plan.tuning.n_setting > 0)
        rules.push_back(fmt::format(
            "Equal budgets: every method tries {} settings ({} where text is generated for each), the "
            "paper's "
            "and a Latin hypercube sample of its grid, or of all that it can vary where the grid is smaller.",
            plan.tuning.n_setting, plan.tuning.n_setting_behavioural));
    return rules;
}

}  // namespace tiller::study
