#include <algorithm>
#include <cmath>

#include "tiller/random.h"
#include "tiller/statistics.h"

namespace tiller {
Interval bootstrap_groups(const std::vector<std::vector<double>>& groups, int n_resample, std::uint64_t seed,
                          const std::vector<double>& extremes) {
    std::vector<const std::vector<double>*> filled;
    for (const auto& group : groups)
        if (!group.empty()) filled.push_back(&group);
    if (filled.empty()) return {};
    if (filled.size() == 1) return bootstrap_mean(*filled[0], n_resample, seed);
    const auto n_group = static_cast<double>(filled.size());
    double mean = 0;
    for (const auto* group : filled) mean += mean_of(*group) / n_group;
    Interval out{mean, mean, mean};
    if (n_resample < 1) return out;
    std::vector<std::vector<double>> pools;
    for (const auto* group : filled) {
        pools.push_back(*group);
        pools.back().insert(pools.back().end(), extremes.begin(), extremes.end());
    }
    Random random(seed, "bootstrap of groups");
    std::vector<double> means;
    for (int r = 0; r < n_resample; ++r) {
        double sum = 0;
        for (std::size_t g = 0; g < filled.size(); ++g) {
            const auto& group = pools[random.below(pools.size())];
            double of_group = 0;
            for (std::size_t i = 0; i < group.size(); ++i) of_group += group[random.below(group.size())];
            sum += of_group / static_cast<double>(group.size());
        }
        means.push_back(sum / n_group);
    }
    std::sort(means.begin(), means.end());
    const auto rank = [&](double p) {
        return means[static_cast<std::size_t>(std::floor(p * static_cast<double>(means.size() - 1) + 0.5))];
    };
    const double wider = std::sqrt(n_group / (n_group - 1));
    out.low = std::min(mean, mean - (mean - rank(0.025)) * wider);
    out.high = std::max(mean, mean + (rank(0.975) - mean) * wider);
    return out;
}

}  // namespace tiller
