#include <algorithm>
#include <cmath>

#include "tiller/error.h"
#include "tiller/study.h"
#include "tiller/task.h"

namespace tiller {

Interval bootstrap_mean(std::span<const double> values, int n_resample, std::uint64_t seed) {
    if (values.empty()) return {};
    double sum = 0;
    for (double v : values) sum += v;
    const auto n = static_cast<double>(values.size());
    Interval out{sum / n, sum / n, sum / n};
    if (n_resample < 1 || values.size() < 2) return out;
    Random random(seed, "bootstrap");
    std::vector<double> means;
    means.reserve(static_cast<std::size_t>(n_resample));
    for (int r = 0; r < n_resample; ++r) {
        double resampled = 0;
        for (std::size_t i = 0; i < values.size(); ++i) resampled += values[random.below(values.size())];
        means.push_back(resampled / n);
    }
    std::sort(means.begin(), means.end());
    // Percentiles by the nearest rank: 2.5 % and 97.5 %.
    const auto rank = [&](double p) {
        const auto k = static_cast<std::size_t>(std::floor(p * static_cast<double>(means.size() - 1) + 0.5));
        return means[std::min(k, means.size() - 1)];
    };
    out.low = rank(0.025);
    out.high = rank(0.975);
    return out;
}

Interval bootstrap_difference(std::span<const double> a, std::span<const double> b, int n_resample,
                              std::uint64_t seed) {
    if (a.size() != b.size())
        throw Error(Code::usage, "a paired difference needs as many values on both sides: " +
                                     std::to_string(a.size()) + " and " + std::to_string(b.size()));
    std::vector<double> difference(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
    return bootstrap_mean(difference, n_resample, seed);
}

}  // namespace tiller
