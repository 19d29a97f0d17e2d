// First principal direction by power iteration in plain loops: a second opinion on
// principal_direction_plus_mean(), which goes through the eigenvectors of the Gram matrix.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace tiller::test {

struct ReferencePca {
    std::vector<double> mean, component;  ///< The component has unit length.
    std::vector<double> u;                ///< Left singular vector: the rows' shares, unit length.
    double explained = 0;

    std::vector<double> sum() const {
        std::vector<double> out = mean;
        for (std::size_t j = 0; j < out.size(); ++j) out[j] += component[j];
        return out;
    }
    /// How far the largest |u| stands above the second: near 0, the sign is a matter of rounding.
    double sign_margin() const {
        double first = 0, second = 0;
        for (double v : u) {
            if (std::fabs(v) > first) {
                second = first;
                first = std::fabs(v);
            } else {
                second = std::max(second, std::fabs(v));
            }
        }
        return first - second;
    }
};

template <class Number>
ReferencePca reference_pca(const std::vector<std::vector<Number>>& rows) {
    const std::size_t n = rows.size(), d = rows.at(0).size();
    ReferencePca out;
    out.mean.assign(d, 0);
    for (const auto& row : rows)
        for (std::size_t j = 0; j < d; ++j)
            out.mean[j] += static_cast<double>(row[j]) / static_cast<double>(n);
    std::vector<std::vector<double>> x(n, std::vector<double>(d));
    double total = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            x[i][j] = static_cast<double>(rows[i][j]) - out.mean[j];
            total += x[i][j] * x[i][j];
        }

    std::vector<double>& v = out.component;
    for (std::size_t j = 0; j < d; ++j) v.push_back(1 + 0.37 * std::sin(1.0 + static_cast<double>(j)));
    std::vector<double> u(n);
    double variance = 0;
    const auto times_x = [&] {
        for (std::size_t i = 0; i < n; ++i) {
            u[i] = 0;
            for (std::size_t j = 0; j < d; ++j) u[i] += x[i][j] * v[j];
        }
    };
    for (int round = 0; round < 3000; ++round) {
        times_x();
        v.assign(d, 0);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < d; ++j) v[j] += x[i][j] * u[i];
        variance = 0;
        for (double c : v) variance += c * c;
        variance = std::sqrt(variance);  // |X'X v| with |v| = 1: the largest eigenvalue
        for (double& c : v) c /= variance;
    }
    times_x();
    std::size_t largest = 0;
    for (std::size_t i = 0; i < n; ++i)
        if (std::fabs(u[i]) > std::fabs(u[largest])) largest = i;
    const double sign = u[largest] < 0 ? -1 : 1;
    for (double& c : v) c *= sign;
    for (double& c : u) c *= sign / std::sqrt(variance);
    out.u = u;
    out.explained = variance / total;
    return out;
}

}  // namespace tiller::test
