// Passes over logits against the same sums in long double and a plain search.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/distribution.h"
#include "engine/shift.h"
#include "engine/vocabulary_pass.h"

namespace tiller::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(std::size_t n, float spread, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> logits(n);
    for (float& l : logits) l = normal(random);
    return logits;
}

long double exact_sum(const std::vector<float>& logits, float largest) {
    long double sum = 0;
    for (const float l : logits)
        sum += std::exp(static_cast<long double>(l) - static_cast<long double>(largest));
    return sum;
}

TEST(VocabularyPass, SumsAgreeWithLongDouble) {
    for (const std::size_t n : {1, 2, 15, 16, 17, 31, 33, 511, 512, 513, 1000, 49152, 262144})
        for (const float spread : {0.01f, 1.0f, 5.0f, 40.0f}) {
            const auto logits = random_logits(n, spread, static_cast<unsigned>(n));
            const float largest = *std::max_element(logits.begin(), logits.end());
            const auto exact = static_cast<double>(exact_sum(logits, largest));
            EXPECT_NEAR(sum_exp(logits, largest) / exact, 1, 4e-7) << n << " values, spread " << spread;
        }
}

TEST(VocabularyPass, EachExponentialIsWithinTwoUnitsInTheLastPlace) {
    // One value at a time: -87 to 0 in steps that hit no round numbers.
    for (float x = 0; x > -87; x -= 0.01307f) {
        const double exact = std::exp(static_cast<double>(x));
        EXPECT_NEAR(sum_exp(std::vector{x}, 0) / exact, 1, 2.4e-7) << x;
    }
}

TEST(VocabularyPass, OneRunOfBitsForAllMachines) {
    // Made by this test on a machine with AVX-512, and the same with g++ and clang, with AVX2 and with
    // neither. A change of these bits changes every log-probability of old records.
    std::vector<float> logits;
    for (int i = 0; i < 3000; ++i) logits.push_back(-0.0125f * static_cast<float>(i * 37 % 1009));
    const double sum = sum_exp(logits, 0);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum), 0x406de3cf7c800000u) << std::hexfloat << sum;
}

TEST(VocabularyPass, ShiftsAgreeWithLongDouble) {
    for (const std::size_t n : {1, 2, 15, 17, 512, 1000, 262144})
        for (const float spread : {0.5f, 3.0f, 20.0f})
            for (const float steered : {0.001f, 0.1f, 5.0f}) {
                const auto b = random_logits(n, spread, static_cast<unsigned>(n));
                auto a = random_logits(n, steered, static_cast<unsigned>(n + 1));
                for (std::size_t i = 0; i < n; ++i) a[i] += b[i];
                const long double largest_a = *std::max_element(a.begin(), a.end()),
                                  largest_b = *std::max_element(b.begin(), b.end());
                const long double log_a = std::log(exact_sum(a, static_cast<float>(largest_a))) + largest_a,
                                  log_b = std::log(exact_sum(b, static_cast<float>(largest_b))) + largest_b;
                long double kl = 0, entropy = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    const long double log_p = static_cast<long double>(a[i]) - log_a;
                    kl += std::exp(log_p) * (log_p - (static_cast<long double>(b[i]) - log_b));
                    entropy -= std::exp(log_p) * log_p;
                }
                const Shift shift = shift_of(a, b);
                EXPECT_NEAR(shift.kl, static_cast<double>(kl), 1e-12 * (1 + static_cast<double>(kl)))
                    << n << " values, spread " << spread << ", steered " << steered;
                EXPECT_NEAR(shift.entropy, static_cast<double>(entropy), 1e-10);
            }
}

TEST(VocabularyPass, ShiftsOfWhatIsNotANumber) {
    std::vector<float> a = random_logits(40, 1, 3);
    const auto b = random_logits(40, 1, 4);
    a[33] = kNan;
    EXPECT_TRUE(std::isnan(shift_of(a, b).kl));
}

TEST(VocabularyPass, FarBelowTheLargestCountsNothing) {
    EXPECT_EQ(sum_exp(std::vector{0.0f, -88.0f, -1000.0f, -kInfinity}, 0), 1);
    EXPECT_EQ(log_sum_exp(std::vector<float>(4, 3e38f), 3e38f), static_cast<double>(3e38f) + std::log(4.0));
}

TEST(VocabularyPass, NotANumberSpoilsTheSumButNotThePeak) {
    std::vector<float> logits = random_logits(40, 1, 3);
    logits[33] = kNan;
    EXPECT_TRUE(std::isnan(sum_exp(logits, 5)));
    logits[20] = 9;
    EXPECT_EQ(find_peak(logits).index, 20u);
    EXPECT_EQ(find_peak(std::vector<float>(600, kNan)).index, 600u);
    EXPECT_EQ(find_peak(std::vector<float>(600, -kInfinity)).index, 600u);
    EXPECT_EQ(find_peak(std::vector<float>(600, -kInfinity)).value, -kInfinity);
}

TEST(VocabularyPass, TheRankCountsLargerValuesAndEqualOnesBefore) {
    for (const std::size_t n : {1, 7, 16, 100, 512, 700, 5000}) {
        auto logits = random_logits(n, 2, static_cast<unsigned>(n));
        for (float& l : logits) l = std::round(l * 4) / 4;  // many are equal
        logits[n / 3] = kNan;
        for (std::size_t at = 0; at < n; at += 1 + n / 37) {
            if (std::isnan(logits[at])) continue;
            std::size_t rank = 0;
            for (std::size_t i = 0; i < n; ++i)
                rank += logits[i] > logits[at] || (logits[i] == logits[at] && i < at);
            EXPECT_EQ(count_before(logits, at), rank) << n << " values, the one at " << at;
        }
    }
}

TEST(VocabularyPass, PeakIsTheFirstOfEqualOnes) {
    for (const std::size_t n : {1, 7, 16, 100, 512, 700, 5000}) {
        auto logits = random_logits(n, 2, static_cast<unsigned>(n));
        for (std::size_t at = 0; at < n; at += 1 + n / 37) {
            auto tied = logits;
            tied[at] = tied[n - 1] = 50;
            const Peak peak = find_peak(tied);
            EXPECT_EQ(peak.index, at);
            EXPECT_EQ(peak.value, 50);
        }
    }
    EXPECT_EQ(find_peak({}).index, 0u);
}

}  // namespace
}  // namespace tiller::engine
