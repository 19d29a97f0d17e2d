// The cost ledger.
#include <gtest/gtest.h>

#include "study/cost_ledger.h"

namespace tiller::study {
namespace {

TEST(CostLedger, SharedWorkIsChargedInWholeNumbers) {
    const Cost whole{"m", "t", "", "test", 7, 100, 3};
    const auto shares = shares_of(whole, {"icv", "fv", "all", "icv"});
    ASSERT_EQ(shares.size(), 3u);
    const std::vector<Cost> expected = {{"m", "t", "all", "test", 1, 25, 0.75},
                                        {"m", "t", "fv", "test", 2, 25, 0.75},
                                        {"m", "t", "icv", "test", 4, 50, 1.5}};
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(shares[i].model, expected[i].model);
        EXPECT_EQ(shares[i].task, expected[i].task);
        EXPECT_EQ(shares[i].method, expected[i].method);
        EXPECT_EQ(shares[i].phase, expected[i].phase);
        EXPECT_EQ(shares[i].n_decode, expected[i].n_decode) << shares[i].method;
        EXPECT_EQ(shares[i].n_token, expected[i].n_token) << shares[i].method;
        EXPECT_EQ(shares[i].seconds, expected[i].seconds) << shares[i].method;
    }
    const auto alone = shares_of(whole, {"fv"});
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(alone[0].n_token, 100u);
}

}  // namespace
}  // namespace tiller::study
