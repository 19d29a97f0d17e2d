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

}  // namespace
