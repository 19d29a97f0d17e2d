// Conceptors as rows against the dense formula R (R + alpha^-2 I)^-1 in float64, and against a planted
// subspace.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "methods/conceptor.h"
#include "support/engine_rows.h"

using namespace tiller;
using namespace tiller::test;

namespace {

using Rows = std::vector<std::vector<float>>;

std::vector<std::span<const float>> views(const Rows& rows) { return {rows.begin(), rows.end()}; }

Eigen::MatrixXd matrix(std::span<const float> values, std::size_t width) {
    Eigen::MatrixXd out(static_cast<Eigen::Index>(values.size() / width), static_cast<Eigen::Index>(width));
    for (Eigen::Index i = 0; i < out.rows(); ++i)
        for (Eigen::Index j = 0; j < out.cols(); ++j)
            out(i, j) = static_cast<double>(
                values[static_cast<std::size_t>(i) * width + static_cast<std::size_t>(j)]);
    return out;
}

// Of differing variance by column, far from zero.
Rows random_rows(std::size_t n, int width) {
    Rows rows;
    for (std::size_t i = 0; i < n; ++i) {
        rows.push_back(*random_vector(width, static_cast<unsigned>(i + 1), 3));
        for (std::size_t j = 0; j < rows.back().size(); ++j)
            rows.back()[j] = rows.back()[j] / static_cast<float>(1 + j) + 2;
    }
    return rows;
}

// C of the definition; the aperture counts in units of 1 / sqrt(trace R).
Eigen::MatrixXd dense(const Rows& rows, const std::vector<float>& centre, double aperture) {
    Eigen::MatrixXd x = matrix(rows[0], centre.size());
    x.resize(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(centre.size()));
    for (std::size_t i = 0; i < rows.size(); ++i)
        x.row(static_cast<Eigen::Index>(i)) = matrix(rows[i], centre.size()) - matrix(centre, centre.size());
    const Eigen::MatrixXd r = x.transpose() * x / static_cast<double>(rows.size());
    const Eigen::MatrixXd shifted =
        r + r.trace() / (aperture * aperture) * Eigen::MatrixXd::Identity(r.rows(), r.cols());
    return r * shifted.inverse();
}

TEST(MethodsConceptor, RowsAreTheDenseConceptor) {
    constexpr int width = 12;
    for (const std::size_t n : {1, 5, 30})  // fewer and more than the width
        for (const auto& centre : {std::vector<float>(width, 0.0f), *random_vector(width, 99)}) {
            const Rows rows = random_rows(n, width);
            const Conceptor conceptor = make_conceptor(views(rows), centre, 64);
            EXPECT_NEAR(conceptor.kept, 1, 1e-8);
            EXPECT_LE(conceptor.rows.size(), std::min<std::size_t>(n, width) * width);
            for (const double aperture : {0.1, 1.0, 8.0, 100.0})
                for (const double beta : {1.0, 3.9}) {
                    const auto w = matrix(rescale_conceptor(conceptor.rows, width, aperture, beta), width);
                    const Eigen::MatrixXd expected = beta * dense(rows, centre, aperture);
                    EXPECT_LT((w.transpose() * w - expected).cwiseAbs().maxCoeff(), 2e-5 * beta)
                        << n << " rows, aperture " << aperture << ", beta " << beta;
                }
            // Aperture 1 is what is kept.
            EXPECT_LT(max_difference(rescale_conceptor(conceptor.rows, width, 1, 1), conceptor.rows), 1e-6);
        }
}

TEST(MethodsConceptor, EigenvaluesFallAndLieBelowOne) {
    constexpr int width = 12;
    const Rows rows = random_rows(9, width);
    const Conceptor conceptor = make_conceptor(views(rows), std::vector<float>(width, 0.0f), 64);
    for (const double aperture : {0.01, 1.0, 1000.0}) {
        const Eigen::MatrixXd w = matrix(rescale_conceptor(conceptor.rows, width, aperture, 1), width),
                              gram = w * w.transpose();
        for (Eigen::Index k = 0; k < gram.rows(); ++k) {
            EXPECT_GT(gram(k, k), 0);
            EXPECT_LT(gram(k, k), aperture == 1 ? 0.5 : 1) << aperture;
            for (Eigen::Index l = 0; l < k; ++l) {
                EXPECT_GE(gram(l, l), gram(k, k)) << aperture;
                EXPECT_NEAR(gram(l, k), 0, 1e-5) << "eigenvectors are orthogonal";
            }
        }
    }
}

// Activations in a plane, with noise of a hundredth: what lies in the plane is kept, the rest shrinks.
TEST(MethodsConceptor, PlantedSubspaceIsKept) {
    constexpr std::size_t width = 30;
    Rows rows;
    for (unsigned i = 0; i < 60; ++i) {
        rows.push_back(*random_vector(width, i + 1, 0.01f));
        rows.back()[3] += 2 * std::sin(static_cast<float>(i));
        rows.back()[7] += 2 * std::cos(static_cast<float>(i) * 1.7f);
    }
    const Conceptor conceptor = make_conceptor(views(rows), std::vector<float>(width, 0.0f), 64);
    const Eigen::MatrixXd w = matrix(rescale_conceptor(conceptor.rows, width, 10, 1), width),
                          c = w.transpose() * w;
    for (Eigen::Index j = 0; j < c.cols(); ++j) {
        if (j == 3 || j == 7) {
            EXPECT_GT(c(j, j), 0.95);
        } else {
            EXPECT_LT(c.col(j).norm(), 0.05) << j;
        }
    }
}

TEST(MethodsConceptor, RowsBeyondTheLimitAreLeftOut) {
    constexpr int width = 12;
    const Rows rows = random_rows(10, width);
    const std::vector<float> centre(width, 0.0f);
    const Conceptor all = make_conceptor(views(rows), centre, 64),
                    few = make_conceptor(views(rows), centre, 3);
    ASSERT_EQ(few.rows.size(), 3U * width);
    EXPECT_TRUE(std::equal(few.rows.begin(), few.rows.end(), all.rows.begin()));
    EXPECT_LT(few.kept, 1);
    // lambda_k / trace = c_k / (1 - c_k) at aperture 1.
    double kept = 0;
    for (int k = 0; k < 3; ++k) {
        const double c = matrix(few.rows, width).row(k).squaredNorm();
        kept += c / (1 - c);
    }
    EXPECT_NEAR(few.kept, kept, 1e-5);
}

TEST(MethodsConceptor, NothingToSpanIsOneRowOfZeros) {
    const std::vector<float> centre = {1, -2, 3};
    const Conceptor conceptor = make_conceptor(views({centre, centre}), centre, 64);
    EXPECT_EQ(conceptor.rows, std::vector<float>(3, 0.0f));
    EXPECT_EQ(rescale_conceptor(conceptor.rows, 3, 4, 2), std::vector<float>(3, 0.0f));
}

TEST(MethodsConceptor, BadRowsAreRefused) {
    const std::vector<float> centre(3, 0.0f);
    expect_error(Code::bad_input, {"at least one row"}, [&] { make_conceptor({}, centre, 64); });
    expect_error(Code::bad_input, {"row 1", "2 values", "expected 3"}, [&] {
        make_conceptor(views({{1, 2, 3}, {1, 2}}), centre, 64);
    });
}

}  // namespace
