// The arithmetic of edits against arithmetic done by hand, in double.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/operations.h"

using namespace tiller;
using namespace tiller::engine;

namespace {

using Floats = std::vector<float>;

double dot(const Floats& a, const Floats& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

// normalise(normalise(x) + sum of 0.1 s (1 + max(0, cos(x, -v))) v/|v|) * |x|
std::vector<double> turned(const Floats& x, const std::vector<std::pair<Floats, double>>& terms) {
    const double norm_x = std::sqrt(dot(x, x));
    std::vector<double> out;
    for (float value : x) out.push_back(static_cast<double>(value) / norm_x);
    for (const auto& [v, strength] : terms) {
        const double norm_v = std::sqrt(dot(v, v));
        const double lambda = 1 + std::max(0.0, -dot(x, v) / (norm_x * norm_v));
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] += 0.1 * strength * lambda * static_cast<double>(v[i]) / norm_v;
    }
    double square = 0;
    for (double value : out) square += value * value;
    for (double& value : out) value *= norm_x / std::sqrt(square);
    return out;
}

void expect_near(const Floats& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-6) << i;
}

const Floats kX = {3, -1, 2, 0.5f}, kAgainst = {-2, 1, 0.25f, 1}, kAlong = {1, 0.5f, 2, -1};

TEST(EngineOperations, OneTurn) {
    // The cosine with -v is positive in the first case and cut off at zero in the second.
    for (const Floats& v : {kAgainst, kAlong}) {
        Floats x = kX;
        apply(Operation::turn, x, v, 3);
        expect_near(x, turned(kX, {{v, 3}}));
    }
}

TEST(EngineOperations, SeveralTurnsAreSummedAndNormalisedOnce) {
    Floats x = kX;
    const Term terms[] = {{kAgainst, 4}, {kAlong, -2}};
    turn(x, terms);
    expect_near(x, turned(kX, {{kAgainst, 4}, {kAlong, -2}}));

    Floats one_by_one = kX;
    apply(Operation::turn, one_by_one, kAgainst, 4);
    apply(Operation::turn, one_by_one, kAlong, -2);
    EXPECT_GT(std::abs(x[0] - one_by_one[0]), 0.01f) << "the two rules must differ for the test to mean much";
}

TEST(EngineOperations, TermsOfStrengthZeroChangeNoBit) {
    Floats x = kX, alone = kX;
    const Term nothing[] = {{kAgainst, 0}, {kAlong, 0}}, one[] = {{kAgainst, 0}, {kAlong, 2}};
    turn(x, nothing);
    EXPECT_EQ(x, kX);
    turn(x, one);
    apply(Operation::turn, alone, kAlong, 2);
    EXPECT_EQ(x, alone);
}

// m + W^T W (x - m) for two rows, in double.
TEST(EngineOperations, ProjectionIsTheMatrixProduct) {
    const Floats centre = {0.5f, 1, -1, 2};
    const std::vector<Floats> rows = {{0.5f, -0.25f, 1, 0}, {0, 0.75f, 0.5f, -0.5f}};
    Floats v = centre;
    for (const Floats& row : rows) v.insert(v.end(), row.begin(), row.end());
    std::vector<double> y(centre.begin(), centre.end());
    for (const Floats& row : rows)
        for (std::size_t i = 0; i < y.size(); ++i)
            for (std::size_t j = 0; j < y.size(); ++j)
                y[i] += static_cast<double>(row[i]) * static_cast<double>(row[j]) *
                        static_cast<double>(kX[j] - centre[j]);
    for (const float strength : {1.0f, 0.3f, -0.5f, 2.0f}) {
        std::vector<double> expected;
        for (std::size_t i = 0; i < y.size(); ++i) {
            const auto x = static_cast<double>(kX[i]);
            expected.push_back(x + static_cast<double>(strength) * (y[i] - x));
        }
        Floats x = kX;
        apply(Operation::project, x, v, strength);
        expect_near(x, expected);
    }
    Floats x = kX;
    apply(Operation::project, x, v, 0);
    EXPECT_EQ(x, kX);
}

TEST(EngineOperations, ProjectionOnAnOrthonormalBasisKeepsWhatLiesInIt) {
    const Floats v = {0, 0, 0, 0, 1, 0, 0, 0, 0, 0.6f, 0.8f, 0};
    Floats inside = {3, -1.2f, -1.6f, 0}, outside = {0, 0.8f, -0.6f, 5};
    apply(Operation::project, inside, v, 1);
    expect_near(inside, {3, -1.2, -1.6, 0});
    apply(Operation::project, outside, v, 1);
    expect_near(outside, {0, 0, 0, 0});
}

TEST(EngineOperations, LengthsThatFit) {
    EXPECT_TRUE(fits_width(Operation::add, 4, 4));
    EXPECT_FALSE(fits_width(Operation::add, 8, 4));
    EXPECT_TRUE(fits_width(Operation::project, 8, 4));
    EXPECT_TRUE(fits_width(Operation::project, 40, 4));
    for (const std::size_t n : {0, 4, 9}) EXPECT_FALSE(fits_width(Operation::project, n, 4)) << n;
    EXPECT_FALSE(fits_width(Operation::project, 8, 0));
}

}  // namespace
