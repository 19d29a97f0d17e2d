#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <span>

#include "tiller/method.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using Doubles = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Replaces the values by a random normal direction of the same norm.
void replace_direction(std::span<float> direction, Random& random) {
    double norm = 0, drawn = 0;
    for (float v : direction) norm += static_cast<double>(v) * static_cast<double>(v);
    std::vector<double> values;
    for (std::size_t i = 0; i < direction.size(); ++i) {
        values.push_back(random.normal());
        drawn += values.back() * values.back();
    }
    const double factor = drawn > 0 ? std::sqrt(norm / drawn) : 0;
    for (std::size_t i = 0; i < direction.size(); ++i) direction[i] = static_cast<float>(values[i] * factor);
}

// Replaces `rows`, a matrix W [n][width], by rows along random orthonormal directions. Their norms are the
// singular values of W, in falling order.
void replace_rows(std::span<float> rows, std::size_t width, Random& random) {
    const auto n = static_cast<Eigen::Index>(rows.size() / width), d = static_cast<Eigen::Index>(width);
    const Doubles w = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                          rows.data(), n, d)
                          .cast<double>();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(w * w.transpose(), Eigen::EigenvaluesOnly);
    const Eigen::Index rank = std::min(n, d);
    Eigen::MatrixXd drawn(d, rank);
    for (Eigen::Index k = 0; k < rank; ++k)
        for (Eigen::Index i = 0; i < d; ++i) drawn(i, k) = random.normal();
    const Eigen::MatrixXd q =
        Eigen::HouseholderQR<Eigen::MatrixXd>(drawn).householderQ() * Eigen::MatrixXd::Identity(d, rank);
    std::fill(rows.begin(), rows.end(), 0.0f);
    for (Eigen::Index k = 0; k < rank; ++k) {
        const double size = std::sqrt(std::max(0.0, solver.eigenvalues()(n - 1 - k)));
        for (Eigen::Index i = 0; i < d; ++i)
            rows[static_cast<std::size_t>(k * d + i)] = static_cast<float>(size * q(i, k));
    }
}

}  // namespace

SteeringVector random_like(const SteeringVector& vector, std::uint64_t seed) {
    SteeringVector out = vector;
    out.method = "random";
    out.heads.clear();
    out.aie.clear();
    out.mean_head_output.clear();
    out.provenance.seed = seed;
    out.provenance.settings["norms_of"] = vector.method;
    Random random(seed, "random direction");
    for (auto& [layer, direction] : out.directions) {
        if (vector.operation == Operation::project) {
            const auto width = static_cast<std::size_t>(vector.provenance.n_embd);
            replace_rows(std::span(direction).subspan(width), width, random);
        } else {
            replace_direction(direction, random);
        }
    }
    return out;
}

}  // namespace tiller
