// The rules by which a setting is chosen on the validation split.
#include <fmt/format.h>

#include "study/task_run.h"

namespace tiller::study {
namespace {

struct Score {
    double primary = 0, logprob = 0, collapsed = 0;
    int n = 0;
};

double number(const nlohmann::json& record, const char* key, double missing) {
    const auto it = record.find(key);
    return it != record.end() && it->is_number() ? it->get<double>() : missing;
}

}  // namespace

std::size_t choose(const std::vector<Candidate>& grid, const std::vector<nlohmann::json>& records, bool behavioural, double collapse_limit) {
    const std::string primary = primary_metric(behavioural);
    std::map<std::string, Score> scores;
    for (const auto& record : records) {
        Score& s = scores[record.at("setting").get<std::string>()];
        s.primary += number(record, primary.c_str(), 0);
        s.logprob += number(record, "logprob", -100);  // a broken row has none
        s.collapsed += number(record, "collapsed", 0);
        ++s.n;
    }
    std::size_t best = 0;
    const auto better = [&](const Score& a, const Score& b) {
        const double ca = a.collapsed / a.n, cb = b.collapsed / b.n;
        // Above the limit, less damage wins; below it, more effect.
        if ((ca > collapse_limit) != (cb > collapse_limit)) return ca <= collapse_limit;
        if (ca > collapse_limit && ca != cb) return ca < cb;
        if (a.primary != b.primary) return a.primary > b.primary;
        return !behavioural && a.logprob > b.logprob;
    };
    for (std::size_t i = 1; i < grid.size(); ++i)
        if (better(scores.at(grid[i].id), scores.at(grid[best].id))) best = i;
    return best;
}

std::vector<std::string> choice_rules(const Plan& plan) {
    return {"Functional and extractive tasks: the chosen setting has the highest first-token accuracy on the validation split; ties go to "
            "the higher mean log-probability of the answer, then to the earlier point of the grid.",
            fmt::format("Behavioural tasks: among the settings with at most {:.0f} % collapsed outputs on the validation split, the one with the "
                        "highest style score; when none keeps that limit, the one with the fewest collapsed outputs.",
                        plan.collapse_limit * 100)};
}

}  // namespace tiller::study
