// principal_direction_plus_mean(): cases by hand, and random matrices against power iteration.
#include <gtest/gtest.h>

#include "support/engine_rows.h"
#include "support/reference_pca.h"
#include "tiller/method.h"

using namespace tiller;
using namespace tiller::test;

namespace {

using Rows = std::vector<std::vector<float>>;

Rows random_rows(int n, int d, unsigned seed) {
    Rows rows;
    for (int i = 0; i < n; ++i) {
        rows.push_back(*random_vector(d, seed + static_cast<unsigned>(i)));
        // One direction is stronger than the others, and the rows stand away from zero.
        const auto common = random_vector(d, seed + 1000);
        const float share = 1.5f * std::sin(static_cast<float>(i) * 2.1f + static_cast<float>(seed));
        for (std::size_t j = 0; j < rows.back().size(); ++j) rows.back()[j] += share * (*common)[j] + 0.3f;
    }
    return rows;
}

TEST(MethodsPca, OneAxisByHand) {
    // Centred, the first column is (-2, -1, 3): the third row is the largest entry of U and must be positive.
    double explained = -1;
    EXPECT_LT(max_difference(principal_direction_plus_mean({{0, 2}, {1, 2}, {5, 2}}, &explained),
                             std::vector<double>{3, 2}),
              1e-6);
    EXPECT_NEAR(explained, 1, 1e-12);
    // Mirrored: (2, 1, -3), so that the component points to negative numbers.
    EXPECT_LT(max_difference(principal_direction_plus_mean({{0, 2}, {-1, 2}, {-5, 2}}, &explained),
                             std::vector<double>{-3, 2}),
              1e-6);
    EXPECT_NEAR(explained, 1, 1e-12);
}

TEST(MethodsPca, TwoAxesByHand) {
    // Along a = (0.6, 0.8): (-2, -1, 3), squares 14. Along b = (-0.8, 0.6): 0.1 * (4, -5, 1), orthogonal to
    // the former as a column, squares 0.42. So a is the component, exactly. Mean (7, -1).
    const double along[] = {-2, -1, 3}, across[] = {0.4, -0.5, 0.1};
    Rows rows;
    for (int i = 0; i < 3; ++i)
        rows.push_back({static_cast<float>(7 + 0.6 * along[i] - 0.8 * across[i]),
                        static_cast<float>(-1 + 0.8 * along[i] + 0.6 * across[i])});
    double explained = -1;
    EXPECT_LT(max_difference(principal_direction_plus_mean(rows, &explained), std::vector<double>{7.6, -0.2}),
              1e-6);
    EXPECT_NEAR(explained, 14 / 14.42, 1e-6);
    EXPECT_LT(max_difference(principal_direction_plus_mean(rows, nullptr), std::vector<double>{7.6, -0.2}),
              1e-6);
}

TEST(MethodsPca, AgreesWithPowerIteration) {
    int n_flip = 0;
    for (int n : {3, 4, 7, 20, 64})
        for (int d : {1, 2, 5, 30, 150})
            for (unsigned seed : {1u, 2u, 3u}) {
                const Rows rows = random_rows(n, d, seed * 100 + static_cast<unsigned>(n));
                const ReferencePca expected = reference_pca(rows);
                ASSERT_GT(expected.sign_margin(), 1e-6)
                    << "n " << n << ", d " << d << ", seed " << seed << ": take another seed";
                double explained = -1;
                const auto got = principal_direction_plus_mean(rows, &explained);
                EXPECT_LT(max_difference(got, expected.sum()), 1e-5)
                    << "n " << n << ", d " << d << ", seed " << seed;
                EXPECT_NEAR(explained, expected.explained, 1e-9)
                    << "n " << n << ", d " << d << ", seed " << seed;
                n_flip += expected.component[0] < 0;
            }
    // Both signs must occur, or a fixed sign would pass.
    EXPECT_GT(n_flip, 10);
    EXPECT_LT(n_flip, 65);
}

TEST(MethodsPca, MirroredRowsGiveTheMirroredResult) {
    // svd_flip goes by U, which does not change when all rows change their sign together with the component.
    const Rows rows = random_rows(9, 12, 5);
    Rows mirrored = rows;
    for (auto& row : mirrored)
        for (float& v : row) v = -v;
    const auto a = principal_direction_plus_mean(rows, nullptr);
    auto b = principal_direction_plus_mean(mirrored, nullptr);
    for (float& v : b) v = -v;
    EXPECT_LT(max_difference(a, b), 1e-6);
}

TEST(MethodsPca, OneRowAndTwoRowsAreTheMeanAlone) {
    double explained = -1;
    EXPECT_EQ(principal_direction_plus_mean({{1, -2, 3}}, &explained), (std::vector<float>{1, -2, 3}));
    EXPECT_EQ(explained, 0);
    explained = -1;
    EXPECT_EQ(principal_direction_plus_mean({{1, -2, 3}, {3, 4, 3}}, &explained),
              (std::vector<float>{2, 1, 3}));
    EXPECT_EQ(explained, 0);
}

TEST(MethodsPca, EqualRowsAreTheMeanAlone) {
    // Counts whose reciprocal is not exact: centring must leave nothing that could pass for a direction.
    const std::vector<float> row = {0.1f, -3.3333333f, 1e-3f, 12345.678f};
    for (std::size_t n : {3u, 7u, 49u, 100u}) {
        double explained = -1;
        EXPECT_EQ(principal_direction_plus_mean(Rows(n, row), &explained), row) << n;
        EXPECT_EQ(explained, 0) << n;
    }
    EXPECT_EQ(principal_direction_plus_mean(Rows(5, {0, 0}), nullptr), (std::vector<float>{0, 0}));
}

TEST(MethodsPca, BadMatricesAreRefused) {
    expect_error(Code::bad_input, {"row"}, [] { principal_direction_plus_mean({}, nullptr); });
    expect_error(Code::bad_input, {"row 2", "1", "2"}, [] {
        principal_direction_plus_mean({{1, 2}, {1, 3}, {4}}, nullptr);
    });
}

}  // namespace
