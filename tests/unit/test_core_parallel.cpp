// Loops on several threads.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
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

// Each of two calls waits until the other has begun, which only two threads can bring about. The wait ends by
// itself where the second never comes.
TEST(ParallelFor, TwoThreadsAreTwoThreads) {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::thread::id> threads;
    bool together[2] = {};
    parallel_for(2, 2, [&](std::size_t i) {
        std::unique_lock lock(mutex);
        threads.insert(std::this_thread::get_id());
        changed.notify_all();
        together[i] = changed.wait_for(lock, std::chrono::seconds(20), [&] { return threads.size() == 2; });
    });
    EXPECT_TRUE(together[0] && together[1]);
    EXPECT_EQ(threads.size(), 2u);
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
