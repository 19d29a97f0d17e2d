#include "protocols/tuned/seed_groups.h"

#include <algorithm>
#include <utility>

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
            groups.push_back(values_of(test.at(id), metric));
            continue;
        }
        const Paired both = paired(test, id, other, metric);
        auto& group = groups.emplace_back();
        for (std::size_t i = 0; i < both.items.size(); ++i)
            group[both.items[i]] = both.first[i] - both.second[i];
    }
    return groups;
}

Estimate over_seeds(const SeedGroups& groups, const std::string& metric, bool is_difference) {
    return repeated_mean(groups, scale_of(metric), is_difference);
}

}  // namespace tiller::study
