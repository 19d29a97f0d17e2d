#include "statistics/draws.h"

#include <algorithm>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "tiller/statistics.h"

namespace tiller {
namespace {

// Draws are pooled unless their means differ at this level (Bancroft 1964). At his 25 % the errors of the
// single tests stay near their level, but 8 % of runs without effects say something; at 50 % it is 4.5 %
// (tests/unit/test_study_simulation.cpp, 1,500 runs whose draws differ by 0.1).
constexpr double kPool = 0.5;

double two_sided(double t, double df) {
    if (std::isnan(t)) return 1;
    return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(df), std::abs(t)));
}

double variance_of(std::span<const double> values) {
    const double mean = mean_of(values);
    double sum = 0;
    for (const double v : values) {
        const double deviation = v - mean;
        sum += deviation * deviation;
    }
    return sum / static_cast<double>(values.size() - 1);
}

}  // namespace

double student_quantile(double df) { return boost::math::quantile(boost::math::students_t(df), 0.975); }

std::optional<DrawSpread> spread_over_draws(std::span<const double> values, std::span<const int> draws) {
    std::map<int, std::vector<double>> groups;
    for (std::size_t i = 0; i < draws.size(); ++i) groups[draws[i]].push_back(values[i]);
    const auto k = static_cast<double>(groups.size()), n = static_cast<double>(values.size());
    if (groups.size() < 2 || values.size() <= groups.size()) return {};
    const double mean = mean_of(values);
    double between = 0, inside = 0;  // sums of squares
    for (const auto& [draw, group] : groups) {
        const double of_group = mean_of(group);
        between += static_cast<double>(group.size()) * (of_group - mean) * (of_group - mean);
        for (const double v : group) inside += (v - of_group) * (v - of_group);
    }
    between /= k - 1, inside /= n - k;
    if (!(between > 0)) return {};
    if (inside > 0) {  // mutation: same
        const boost::math::fisher_f f(k - 1, n - k);
        if (boost::math::cdf(boost::math::complement(f, between / inside)) > kPool) return {};
    }
    const double error = std::sqrt(between / n);
    return DrawSpread{student_quantile(k - 1) * error, two_sided(mean / error, k - 1)};
}

Estimate repeated_mean(const std::vector<std::map<int, double>>& runs, Scale scale, bool is_difference) {
    std::map<int, std::vector<double>> by_item;
    std::vector<double> of_runs;
    for (const auto& run : runs) {
        if (run.empty()) continue;
        std::vector<double> values;
        for (const auto& [item, value] : run) by_item[item].push_back(value), values.push_back(value);
        of_runs.push_back(mean_of(values));
    }
    if (of_runs.empty()) return {no_number(), 1};
    const double mean = mean_of(of_runs);
    std::vector<double> items;
    for (const auto& [item, values] : by_item) items.push_back(mean_of(values));
    // Two items at the ends of the scale, as in bootstrap_mean(): else 0 hits of 40 would have no variance.
    if (scale != Scale::number) {
        items.push_back(is_difference ? -1 : 0);
        items.push_back(1);
    }
    if (items.size() < 2) return {{mean, mean, mean}, 1};
    const auto n_item = static_cast<double>(items.size()), n_run = static_cast<double>(of_runs.size());
    const double over_items = variance_of(items) / n_item,
                 over_runs = of_runs.size() < 2 ? 0 : variance_of(of_runs) / n_run;
    const double both = over_items + over_runs;
    if (!(both > 0)) return {{mean, mean, mean}, mean == 0 ? 1.0 : 0.0};
    const double df = both * both /
                      (over_items * over_items / (n_item - 1) +
                       (of_runs.size() < 2 ? 0 : over_runs * over_runs / (n_run - 1)));
    const double error = std::sqrt(both), half = student_quantile(df) * error;
    Interval interval{mean, mean - half, mean + half};
    if (scale != Scale::number) {
        interval.low = std::max(interval.low, is_difference ? -1.0 : 0.0);
        interval.high = std::min(interval.high, 1.0);
    }
    return {interval, two_sided(mean / error, df)};
}

}  // namespace tiller
