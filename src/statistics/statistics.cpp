#include "tiller/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "statistics/draws.h"
#include "tiller/error.h"
#include "tiller/random.h"

namespace tiller {
namespace {

std::vector<double> difference_of(std::span<const double> a, std::span<const double> b) {
    if (a.size() != b.size())
        throw Error(Code::usage,
                    fmt::format("a paired difference needs as many values on both sides: {} and {}", a.size(),
                                b.size()));
    std::vector<double> difference(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
    return difference;
}

// The indices of the resampled items, [n_resample * n_item], one resample after another. The last table is
// kept for the thread: a study asks for the same one thousands of times (every metric of every setting has
// the same number of items), and drawing it is most of the work.
const std::vector<std::uint32_t>& draws(std::size_t n_item, int n_resample, std::uint64_t seed) {
    struct Table {
        std::size_t n_item = 0;
        int n_resample = 0;  // mutation: same
        std::uint64_t seed = 0;
        std::vector<std::uint32_t> items;
    };
    thread_local Table table;
    if (table.n_item != n_item || table.n_resample != n_resample || table.seed != seed) {
        table = {n_item, n_resample, seed, {}};
        Random random(seed, "bootstrap");
        table.items.resize(n_item * static_cast<std::size_t>(n_resample));
        for (auto& item : table.items) item = static_cast<std::uint32_t>(random.below(n_item));
    }
    return table.items;
}

// The interval between the percentiles of the resampled values that a normal distribution has at -z and z. It
// always contains `value`.
Interval percentiles(double value, std::vector<double> resampled_values, double z) {
    const double tail = 0.5 * std::erfc(z / std::sqrt(2.0));
    std::sort(resampled_values.begin(), resampled_values.end());
    const auto rank = [&](double p) {  // the nearest rank
        const auto n = resampled_values.size();
        const auto k = static_cast<std::size_t>(std::floor(p * static_cast<double>(n - 1) + 0.5));
        return resampled_values[k];
    };
    return {value, std::min(value, rank(tail)), std::max(value, rank(1 - tail))};
}

// The bootstrap interval of the mean of `values`. `extremes` are values added to those that are resampled.
Interval resampled(std::span<const double> values, std::vector<double> extremes, int n_resample,
                   std::uint64_t seed) {
    if (values.empty()) return {};
    const double mean = mean_of(values);
    if (n_resample < 1 || values.size() < 2) return {mean, mean, mean};
    const auto n = static_cast<double>(values.size());
    const double z = student_quantile(n - 1) * (extremes.empty() ? std::sqrt(n / (n - 1)) : 1);
    auto& pool = extremes;
    pool.insert(pool.end(), values.begin(), values.end());
    const auto& items = draws(pool.size(), n_resample, seed);
    std::vector<double> means;
    means.reserve(static_cast<std::size_t>(n_resample));
    for (auto item = items.begin(); item != items.end();) {
        double sum = 0;
        for (std::size_t i = 0; i < pool.size(); ++i) sum += pool[*item++];
        means.push_back(sum / static_cast<double>(pool.size()));
    }
    return percentiles(mean, std::move(means), z);
}

Interval wider(const Interval& a, const DrawSpread& over) {
    return {a.mean, std::min(a.low, a.mean - over.half_width), std::max(a.high, a.mean + over.half_width)};
}

Interval within(Interval i, double low, double high) {
    return {i.mean, std::max(i.low, low), std::min(i.high, high)};
}

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> ranks_of(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        for (end = begin; end < order.size() && values[order[end]] == values[order[begin]];) ++end;
        for (std::size_t k = begin; k < end; ++k) ranks[order[k]] = static_cast<double>(begin + 1 + end) / 2;
    }
    return ranks;
}

double pearson(std::span<const double> a, std::span<const double> b) {
    const double ma = mean_of(a), mb = mean_of(b);
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    // Ranks are multiples of 1/2, so that a side without variance gives exactly 0.
    if (!(aa > 0 && bb > 0)) return std::numeric_limits<double>::quiet_NaN();
    return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

// McNemar's exact test: a two-sided binomial test of the items won and lost, each as likely as the other.
double mcnemar(std::size_t won, std::size_t lost) {
    const std::size_t n = won + lost, few = std::min(won, lost);
    double sum = 0;
    for (std::size_t k = 0; k <= few; ++k)
        sum += std::exp(std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
                        std::lgamma(static_cast<double>(n - k) + 1) - static_cast<double>(n) * std::log(2.0));
    return std::min(1.0, 2 * sum);
}

double sign_flips(std::span<const double> difference, std::uint64_t seed) {
    constexpr int n_draw = 10000;
    double observed = 0, scale = 0;
    for (double d : difference) {
        observed += d;
        scale += std::abs(d);
    }
    // Sums that are as large as the observed one may differ from it by rounding.
    const double at_least = std::abs(observed) - 1e-12 * scale;
    Random random(seed, "sign flips");
    int extreme = 1;
    for (int draw = 0; draw < n_draw; ++draw) {
        double sum = 0;
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < difference.size(); ++i, bits >>= 1) {
            if (i % 64 == 0) bits = random.next();
            sum += (bits & 1) != 0 ? difference[i] : -difference[i];
        }
        extreme += std::abs(sum) >= at_least;
    }
    return static_cast<double>(extreme) / (n_draw + 1);
}

}  // namespace

double mean_of(std::span<const double> values) {
    double sum = 0;
    for (double v : values) sum += v;
    return sum / static_cast<double>(values.size());
}

Interval bootstrap_mean(std::span<const double> values, Scale scale, int n_resample, std::uint64_t seed,
                        std::span<const int> draws) {
    const bool bounded = scale != Scale::number;
    Interval out =
        resampled(values, bounded ? std::vector<double>{0, 1} : std::vector<double>{}, n_resample, seed);
    if (const auto over = spread_over_draws(values, draws)) out = wider(out, *over);
    return bounded ? within(out, 0, 1) : out;
}

Interval bootstrap_difference(std::span<const double> a, std::span<const double> b, Scale scale,
                              int n_resample, std::uint64_t seed, std::span<const int> draws) {
    const auto difference = difference_of(a, b);
    const bool bounded = scale != Scale::number;
    Interval out =
        resampled(difference, bounded ? std::vector<double>{-1, 1} : std::vector<double>{}, n_resample, seed);
    if (const auto over = spread_over_draws(difference, draws)) out = wider(out, *over);
    return bounded ? within(out, -1, 1) : out;
}

Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b, int n_resample,
                         std::uint64_t seed) {
    const auto unknown = plain_number(std::numeric_limits<double>::quiet_NaN());
    difference_of(a, b);  // refuses lists of different lengths
    if (a.size() < 2 || !(bootstrap_mean(b, Scale::number, n_resample, seed).low > 0)) return unknown;
    const auto n = static_cast<double>(a.size());
    const auto& items = draws(a.size(), n_resample, seed);
    std::vector<double> ratios;
    ratios.reserve(static_cast<std::size_t>(n_resample));
    for (auto item = items.begin(); item != items.end();) {
        double above = 0, below = 0;
        for (std::size_t i = 0; i < a.size(); ++i, ++item) above += a[*item], below += b[*item];
        // In a resample whose denominator is not above 0, the ratio may be anything.
        ratios.push_back(below > 0 ? above / below
                                   : std::copysign(std::numeric_limits<double>::infinity(), above));
    }
    const Interval out = percentiles(mean_of(a) / mean_of(b), std::move(ratios),
                                     student_quantile(n - 1) * std::sqrt(n / (n - 1)));
    return std::isfinite(out.low) && std::isfinite(out.high) ? out : unknown;
}

Interval percentile_interval(double value, std::vector<double> resampled, std::size_t n_item) {
    if (n_item < 2 || resampled.empty()) return {value, value, value};
    const auto n = static_cast<double>(n_item);
    return percentiles(value, std::move(resampled), student_quantile(n - 1) * std::sqrt(n / (n - 1)));
}

double paired_p(std::span<const double> a, std::span<const double> b, Scale scale, std::uint64_t seed,
                std::span<const int> draws) {
    const auto difference = difference_of(a, b);
    const double over_items =
        scale == Scale::hit
            ? mcnemar(static_cast<std::size_t>(std::count(difference.begin(), difference.end(), 1.0)),
                      static_cast<std::size_t>(std::count(difference.begin(), difference.end(), -1.0)))
            : sign_flips(difference, seed);
    const auto over = spread_over_draws(difference, draws);
    return over ? std::max(over_items, over->p) : over_items;
}

double spearman(std::span<const double> a, std::span<const double> b) {
    if (a.size() != b.size())
        throw Error(Code::usage, fmt::format("a correlation needs as many values on both sides: {} and {}",
                                             a.size(), b.size()));
    if (a.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    return pearson(ranks_of(a), ranks_of(b));
}

Interval bootstrap_spearman(std::span<const double> a, std::span<const double> b, int n_resample,
                            std::uint64_t seed) {
    const double whole = spearman(a, b);
    if (!std::isfinite(whole) || a.size() < 6 || n_resample < 1) return plain_number(whole);
    const auto& items = draws(a.size(), n_resample, seed);
    std::vector<double> resampled, x(a.size()), y(a.size());
    for (auto item = items.begin(); item != items.end();) {
        for (std::size_t i = 0; i < a.size(); ++i, ++item) x[i] = a[*item], y[i] = b[*item];
        const double rho = spearman(x, y);
        resampled.push_back(std::isfinite(rho) ? rho : 0);
    }
    return percentiles(whole, std::move(resampled), 1.959963984540054);
}

std::vector<double> holm(std::span<const double> p) {
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
    std::vector<double> adjusted(p.size());
    double largest = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
        largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - k) * p[order[k]]));
        adjusted[order[k]] = largest;
    }
    return adjusted;
}

double least_squares_slope(std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size() || x.size() < 2)
        throw Error(Code::usage, fmt::format("a slope needs as many x as y and at least two: found {} and {}",
                                             x.size(), y.size()));
    const auto n = static_cast<double>(x.size());
    double mean_x = 0, mean_y = 0, cross = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
    for (std::size_t i = 0; i < x.size(); ++i) {
        cross += (x[i] - mean_x) * (y[i] - mean_y);
        square += (x[i] - mean_x) * (x[i] - mean_x);
    }
    if (!(square > 0)) throw Error(Code::usage, "a slope needs two different x; all given are equal");
    return cross / square;
}

}  // namespace tiller
