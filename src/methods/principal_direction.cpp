#include "methods/principal_direction.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller {

PrincipalDirection principal_direction(std::span<const std::span<const float>> rows) {
    if (rows.empty()) throw Error(Code::bad_input, "a principal direction needs at least one row");
    const auto n = static_cast<Eigen::Index>(rows.size());
    const auto d = static_cast<Eigen::Index>(rows[0].size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].size() != rows[0].size())
            throw Error(Code::bad_input,
                        fmt::format("row {} of the matrix has {} values, expected {}", i, rows[i].size(), d));
    Eigen::MatrixXd x(n, d);
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < d; ++j)
            x(i, j) = static_cast<double>(rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]);
    const Eigen::RowVectorXd mean = x.colwise().mean();
    x.rowwise() -= mean;
    PrincipalDirection out;
    out.mean.assign(mean.begin(), mean.end());
    // n is about a hundred and d up to n_layer * n_embd. The small n x n Gram matrix has the same left
    // singular vectors.
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(x * x.transpose());
    Eigen::VectorXd u = solver.eigenvectors().col(n - 1);
    const double variance = std::max(0.0, solver.eigenvalues()(n - 1));
    const double total = solver.eigenvalues().cwiseMax(0.0).sum();
    if (!(variance > 0 && total > 0)) return out;
    Eigen::Index largest = 0;
    u.cwiseAbs().maxCoeff(&largest);
    if (u(largest) < 0) u = -u;  // svd_flip
    Eigen::RowVectorXd component = u.transpose() * x / std::sqrt(variance);
    component /= component.norm();
    out.component.assign(component.begin(), component.end());
    out.explained = variance / total;
    return out;
}

std::vector<float> principal_direction_plus_mean(const std::vector<std::vector<float>>& rows,
                                                 double* explained) {
    const std::vector<std::span<const float>> views(rows.begin(), rows.end());
    const PrincipalDirection principal = principal_direction(views);
    // With two rows the sign of the component depends on rounding.
    const bool whole = rows.size() >= 3 && !principal.component.empty();
    if (explained) *explained = whole ? principal.explained : 0;
    std::vector<float> out;
    for (std::size_t j = 0; j < principal.mean.size(); ++j)
        out.push_back(static_cast<float>(principal.mean[j] + (whole ? principal.component[j] : 0.0)));
    return out;
}

}  // namespace tiller
