#include "study/tuned/seed_groups.h"

#include <algorithm>
#include <utility>

#include "scoring/metrics.h"

namespace tiller::study {

std::vector<SeedFamily> seed_families(const Summary& summary) {
    std::vector<std::pair<std::string, std::string>> keys;
    std::vector<SeedFamily> families;
    for (std::size_t i = 0; i < summary.tasks.size(); ++i) {
        const auto& t = summary.tasks[i];
        const std::pair key(t.model, t.name);
        const auto at = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
        if (at == keys.size()) {
            keys.push_back(key);
            families.push_back({summary.models.size() > 1 ? t.model + ", " + t.name : t.name, {}});
        }
        families[at].places.push_back(i);
    }
    return families;
}

SeedGroups seed_groups(const SeedFamily& family, const std::vector<TaskRecords>& records,
                       const std::string& metric, const std::string& id, const std::string& other) {
    SeedGroups groups;
    for (const std::size_t place : family.places) {
        const BySetting& test = records[place].test;
        if (!test.count(id) || (!other.empty() && !test.count(other))) continue;
        if (other.empty()) {
            groups.push_back(list_of(values_of(test.at(id), metric)));
            continue;
        }
        const auto [x, y] = paired(test, id, other, metric);
        auto& group = groups.emplace_back();
        for (std::size_t i = 0; i < x.size(); ++i) group.push_back(x[i] - y[i]);
    }
    return groups;
}

Interval seed_interval(const Plan& plan, const Summary& summary, const SeedGroups& groups,
                       const std::string& metric, bool is_difference) {
    if (groups.empty()) return no_number();
    const Metric* known = find_metric(metric);
    const bool hits = known && known->scale == Metric::Scale::hit;
    const std::vector<double> extremes = !hits           ? std::vector<double>{}
                                         : is_difference ? std::vector<double>{-1, 1}
                                                         : std::vector<double>{0, 1};
    Interval out = bootstrap_groups(groups, plan.n_bootstrap, summary.tasks.front().seed, extremes);
    out.low = std::max(out.low, is_difference ? -1.0 : 0.0);
    out.high = std::min(out.high, 1.0);
    return out;
}

}  // namespace tiller::study
