// Loops on several threads.
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "core/parallel.h"

namespace tiller {
namespace {

TEST(ParallelFor, CallsEachIndexOnce) {
    for (const int n_thread : {1, 2, 5})
        for (const std::size_t n : {0, 1, 3, 1000}) {
            std::vector<int> calls(n, 0);
            parallel_for(n, n_thread, [&](std::size_t i) { ++calls[i]; });
            EXPECT_EQ(calls, std::vector<int>(n, 1)) << n_thread << " threads";
        }
}

TEST(ParallelFor, ThrowsWhatACallThrewAfterAllHaveEnded) {
    for (const int n_thread : {1, 3}) {
        std::vector<int> calls(100, 0);
        const auto call = [&](std::size_t i) {
            ++calls[i];
            if (i == 40) throw std::runtime_error("forty");
        };
        EXPECT_THROW(parallel_for(calls.size(), n_thread, call), std::runtime_error);
        EXPECT_EQ(calls, std::vector<int>(100, 1));
    }
}

}  // namespace
}  // namespace tiller
