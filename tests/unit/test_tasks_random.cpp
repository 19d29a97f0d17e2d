// The golden values were computed by a separate Python program with whole-number arithmetic of its own
// (FNV-1a over the seed's eight bytes, least first, and the stream's name; splitmix64; xoshiro256**). That
// program first reproduced the published first outputs of splitmix64 for seed 1234567 and of xoshiro256** for
// the state {1, 2, 3, 4}.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

TEST(Random, GivesTheSameNumbersEverywhere) {
    Random split(0, "split");
    for (const std::uint64_t expected :
         {0xc5aae335f658c470ULL, 0x8a9e622ddb46005dULL, 0x3ea9d8f5049cd60fULL, 0x97c58912bf7d8e87ULL})
        EXPECT_EQ(split.next(), expected);
    Random demos(42, "demos");
    for (const std::uint64_t expected :
         {0x41a16ef78ac03fdfULL, 0x17ca89d53e840569ULL, 0xd5d585844587ca72ULL, 0xc8b3d6ab4111ccc2ULL})
        EXPECT_EQ(demos.next(), expected);
}

TEST(Random, DerivedDrawsAreGoldenToo) {
    Random below(7, "golden");
    for (const std::uint64_t expected : {3, 6, 4, 9, 4, 0, 8, 9, 7, 7}) EXPECT_EQ(below.below(10), expected);

    Random uniform(7, "golden");
    for (const double expected : {0x1.8b872a47a5680p-2, 0x1.a55577475acf0p-4, 0x1.391f8a3e03238p-3})
        EXPECT_EQ(uniform.uniform(), expected);

    std::vector<int> values(10);
    std::iota(values.begin(), values.end(), 0);
    Random(7, "golden").shuffle(values);
    EXPECT_EQ(values, (std::vector<int>{4, 8, 9, 7, 5, 0, 6, 2, 1, 3}));
    EXPECT_EQ(Random(7, "golden").sample(20, 6), (std::vector<int>{3, 14, 8, 19, 18, 15}));

    Random normal(7, "golden");  // log and cos may differ in the last bit between C libraries
    for (const double expected : {0.7888145045477358, -0.13576486895622955, -1.0788048463282436})
        EXPECT_NEAR(normal.normal(), expected, 1e-14);
}

TEST(Random, SeedAndStreamBothMatter) {
    const auto first = [](std::uint64_t seed, const char* stream) { return Random(seed, stream).next(); };
    EXPECT_EQ(first(1, "a"), first(1, "a"));
    EXPECT_NE(first(1, "a"), first(2, "a"));
    EXPECT_NE(first(1, "a"), first(1, "b"));
    EXPECT_NE(first(1, ""), first(1, "a"));
    EXPECT_NE(first(1ULL << 56, "a"), first(0, "a"));  // every byte of the seed counts
}

TEST(Random, BelowIsUniform) {
    Random random(3, "uniform");
    std::vector<int> counts(7, 0);
    constexpr int draws = 70000;
    for (int i = 0; i < draws; ++i) ++counts.at(random.below(7));
    double chi2 = 0;
    for (const int count : counts) chi2 += (count - draws / 7.0) * (count - draws / 7.0) / (draws / 7.0);
    EXPECT_LT(chi2, 22.46);  // 6 degrees of freedom, p = 0.001; the seed is fixed, so this does not flicker
    EXPECT_EQ(random.below(1), 0u);
    test::expect_parts(test::error_of(Code::usage, [&] { random.below(0); }), {"below", "n > 0"});
}

TEST(Random, BelowRejectsTheUnevenRest) {
    // 2^64 mod n is n - 1 - (a large part) here, so about a third of the raw numbers must be refused; taking
    // them would put two thirds of the results into the lower half.
    constexpr std::uint64_t n = (1ULL << 63) + (1ULL << 62);
    Random random(5, "reject");
    int lower = 0;
    constexpr int draws = 20000;
    for (int i = 0; i < draws; ++i) {
        const auto value = random.below(n);
        ASSERT_LT(value, n);
        lower += value < n / 2;
    }
    EXPECT_NEAR(lower, draws / 2, 5 * std::sqrt(draws / 4.0));
}

TEST(Random, NormalHasMeanZeroAndVarianceOne) {
    Random random(11, "normal");
    constexpr int draws = 50000;
    double sum = 0, squares = 0;
    for (int i = 0; i < draws; ++i) {
        const double x = random.normal();
        ASSERT_TRUE(std::isfinite(x));
        sum += x;
        squares += x * x;
    }
    EXPECT_NEAR(sum / draws, 0, 0.02);
    EXPECT_NEAR(squares / draws, 1, 0.03);
}

TEST(Random, SampleGivesDifferentValues) {
    Random random(1, "sample");
    for (int k = 0; k <= 30; ++k) {
        const auto values = random.sample(30, k);
        EXPECT_EQ(values.size(), static_cast<std::size_t>(k));
        EXPECT_EQ(std::set<int>(values.begin(), values.end()).size(), values.size());
        for (const int value : values) EXPECT_TRUE(value >= 0 && value < 30);
    }
    for (const int k : {4, -1})
        test::expect_parts(test::error_of(Code::usage, [&] { random.sample(3, k); }),
                           {"Random::sample", (std::to_string(k) + " different values of 3").c_str()});
    EXPECT_TRUE(random.sample(0, 0).empty());
}

TEST(Random, ShuffleKeepsTheValues) {
    std::vector<int> values(100);
    std::iota(values.begin(), values.end(), 0);
    auto shuffled = values;
    Random(9, "shuffle").shuffle(shuffled);
    EXPECT_NE(shuffled, values);
    std::sort(shuffled.begin(), shuffled.end());
    EXPECT_EQ(shuffled, values);
    std::vector<int> none;
    Random(9, "shuffle").shuffle(none);
    EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace tiller
