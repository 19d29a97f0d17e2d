#include "methods/conceptor.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "tiller/error.h"

namespace tiller {

Conceptor make_conceptor(std::span<const std::span<const float>> x, std::span<const float> centre,
                         int max_row) {
    if (x.empty()) throw Error(Code::bad_input, "a conceptor needs at least one row");
    const auto n = static_cast<Eigen::Index>(x.size()), width = static_cast<Eigen::Index>(centre.size());
    Eigen::MatrixXd offset(n, width);
    for (Eigen::Index i = 0; i < n; ++i) {
        const auto row = x[static_cast<std::size_t>(i)];
        if (row.size() != centre.size())
            throw Error(Code::bad_input, fmt::format("row {} of a conceptor has {} values, expected {}", i,
                                                     row.size(), centre.size()));
        for (Eigen::Index j = 0; j < width; ++j) {
            const auto at = static_cast<std::size_t>(j);
            offset(i, j) = static_cast<double>(row[at]) - static_cast<double>(centre[at]);
        }
    }
    // n is about a hundred, much smaller than the width. The n x n Gram matrix has the same non-zero
    // eigenvalues as R.
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(offset * offset.transpose() /
                                                                static_cast<double>(n));
    const Eigen::VectorXd lambda = solver.eigenvalues().cwiseMax(0.0);  // in rising order
    const double trace = lambda.sum();
    Conceptor out;
    double kept = 0;
    for (Eigen::Index k = n - 1; k >= 0 && n - 1 - k < max_row; --k) {
        if (!(lambda(k) > 1e-9 * lambda(n - 1))) break;
        const Eigen::RowVectorXd u = (solver.eigenvectors().col(k).transpose() * offset).normalized();
        const double c = lambda(k) / (lambda(k) + trace);
        for (const double value : u) out.rows.push_back(static_cast<float>(std::sqrt(c) * value));
        kept += lambda(k);
    }
    if (out.rows.empty())
        out.rows.assign(centre.size(), 0.0f);
    else
        out.kept = std::min(kept / trace, 1.0);
    return out;
}

std::vector<float> rescale_conceptor(std::span<const float> rows, std::size_t width, double aperture,
                                     double beta) {
    std::vector<float> out;
    out.reserve(rows.size());
    for (std::size_t at = 0; at < rows.size(); at += width) {
        const auto row = rows.subspan(at, width);
        double c = 0;
        for (const float value : row) c += static_cast<double>(value) * static_cast<double>(value);
        // sqrt(beta c' / c) with c' / c written out, because c is 0 for a row of zeros.
        const double factor = std::sqrt(beta / (c + (1 - c) / (aperture * aperture)));
        for (const float value : row) out.push_back(static_cast<float>(factor * static_cast<double>(value)));
    }
    return out;
}

}  // namespace tiller
