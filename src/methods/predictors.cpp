#include "methods/predictors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "methods/principal_direction.h"

namespace tiller {
namespace {

using Rows = std::vector<std::span<const float>>;

Rows layer_of(std::span<const std::vector<float>> rows, std::size_t layer, std::size_t n_embd) {
    Rows out;
    for (const auto& row : rows) out.push_back(std::span(row).subspan(layer * n_embd, n_embd));
    return out;
}

double dot(std::span<const float> a, std::span<const double> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

double square(std::span<const float> a) {
    double sum = 0;
    for (float x : a) sum += static_cast<double>(x) * static_cast<double>(x);
    return sum;
}

// The sum of the other pairs' differences is sum - d, for the sum of all and the pair's own difference d.
// With s = d.sum, its product with d is s - d.d and its square is sum.sum - 2 s + d.d.
std::optional<double> agreement_of(const Rows& differences) {
    if (differences.size() < 2) return {};
    std::vector<double> sum(differences[0].size(), 0.0);
    for (const auto& d : differences)
        for (std::size_t k = 0; k < d.size(); ++k) sum[k] += static_cast<double>(d[k]);
    double whole = 0, total = 0;
    for (double s : sum) whole += s * s;
    for (const auto& d : differences) {
        const double s = dot(d, sum), own = square(d), others = whole - 2 * s + own;
        if (!(own > 0 && others > 0)) return {};  // a difference of zero has no direction
        total += (s - own) / std::sqrt(own * others);
    }
    return total / static_cast<double>(differences.size());
}

struct Spread {
    double mean = 0, variance = 0;
};

Spread spread_of(const std::vector<double>& values) {
    Spread out;
    for (double v : values) out.mean += v / static_cast<double>(values.size());
    for (double v : values) out.variance += (v - out.mean) * (v - out.mean);
    out.variance /= static_cast<double>(values.size() - 1);
    return out;
}

// d' of every second pair from `first` on (0 or 1), projected on the mean difference of the other pairs.
std::optional<double> half_separability(const Rows& negative, const Rows& positive, std::size_t first) {
    std::vector<double> direction(negative[0].size(), 0.0);
    for (std::size_t i = 1 - first; i < negative.size(); i += 2)
        for (std::size_t k = 0; k < direction.size(); ++k)
            direction[k] += static_cast<double>(positive[i][k]) - static_cast<double>(negative[i][k]);
    std::vector<double> low, high;
    for (std::size_t i = first; i < negative.size(); i += 2) {
        low.push_back(dot(negative[i], direction));
        high.push_back(dot(positive[i], direction));
    }
    const Spread n = spread_of(low), p = spread_of(high);
    const double deviation = std::sqrt((n.variance + p.variance) / 2);
    if (!(deviation > 0)) return {};
    return (p.mean - n.mean) / deviation;
}

std::optional<double> separability_of(const Rows& negative, const Rows& positive) {
    if (negative.size() < 4) return {};
    const auto even = half_separability(negative, positive, 0),
               odd = half_separability(negative, positive, 1);
    if (!even || !odd) return {};
    return (*even + *odd) / 2;
}

std::optional<double> pca_share_of(const Rows& differences) {
    if (differences.size() < 3) return {};
    // The time for each layer grows with the cube of the number of pairs.
    const PrincipalDirection principal =
        principal_direction(std::span(differences).first(std::min<std::size_t>(differences.size(), 200)));
    if (principal.component.empty()) return {};
    return principal.explained;
}

LayerFigure figure_of(const std::vector<double>& layers) {
    if (layers.empty()) return {};
    double sum = 0;
    for (double v : layers) sum += v;
    return {sum / static_cast<double>(layers.size()), *std::max_element(layers.begin(), layers.end())};
}

}  // namespace

PairPredictors pair_predictors(std::span<const std::vector<float>> negative,
                               std::span<const std::vector<float>> positive, int n_embd) {
    if (positive.empty()) return {};
    const auto width = static_cast<std::size_t>(n_embd);
    std::vector<double> agreement, separability, share;
    const auto keep = [](std::vector<double>& list, const std::optional<double>& value) {
        if (value) list.push_back(*value);
    };
    std::vector<std::vector<float>> differences(positive.size(), std::vector<float>(width));
    for (std::size_t layer = 0; layer < positive[0].size() / width; ++layer) {
        const Rows n = layer_of(negative, layer, width), p = layer_of(positive, layer, width);
        for (std::size_t i = 0; i < p.size(); ++i)
            for (std::size_t k = 0; k < width; ++k) differences[i][k] = p[i][k] - n[i][k];
        const Rows rows(differences.begin(), differences.end());
        keep(agreement, agreement_of(rows));
        keep(separability, separability_of(n, p));
        keep(share, pca_share_of(rows));
    }
    return {figure_of(agreement), figure_of(separability), figure_of(share)};
}

void set_predictors(SteeringVector& vector, const PairPredictors& predictors) {
    auto& settings = vector.provenance.settings;
    const auto set = [&](const std::string& name, const LayerFigure& figure) {
        if (!figure.mean) return;
        settings["predictor." + name] = fmt::format("{:.6g}", *figure.mean);
        settings["predictor." + name + "_best"] = fmt::format("{:.6g}", *figure.best);
    };
    set("agreement", predictors.agreement);
    set("separability", predictors.separability);
    set("pca_share", predictors.pca_share);
}

std::optional<AiePredictors> aie_predictors(const std::vector<std::vector<float>>& aie) {
    std::vector<double> parts;
    for (const auto& layer : aie)
        for (float effect : layer) parts.push_back(std::max(0.0, static_cast<double>(effect)));
    std::sort(parts.begin(), parts.end());
    double total = 0, top = 0, weighted = 0;
    const std::size_t n = parts.size();
    for (std::size_t i = 0; i < n; ++i) {
        total += parts[i];
        if (i + 10 >= n) top += parts[i];
        weighted += static_cast<double>(i + 1) * parts[i];
    }
    if (!(total > 0)) return {};
    const auto count = static_cast<double>(n);
    return AiePredictors{top / total, 2 * weighted / (count * total) - (count + 1) / count};
}

}  // namespace tiller
