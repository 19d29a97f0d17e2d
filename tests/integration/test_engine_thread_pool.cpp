// Loops on the engine's own threads.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/thread_pool.h"

namespace tiller {
namespace {

TEST(ThreadPool, CallsEachIndexOnceAndAgain) {
    for (const int n_thread : {1, 2, 5}) {
        const engine::ThreadPool pool(n_thread);
        for (const std::size_t n : {0, 1, 2, 3, 1000, 4}) {
            std::vector<int> calls(n, 0);
            pool.for_each(n, [&](std::size_t i) { ++calls[i]; });
            EXPECT_EQ(calls, std::vector<int>(n, 1)) << n_thread << " threads";
        }
    }
}

// Each of two calls waits until the other has begun, which only two threads can bring about. The wait ends by
// itself where the second never comes.
TEST(ThreadPool, TwoThreadsAreTwoThreads) {
    const engine::ThreadPool pool(2);
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::thread::id> threads;
    bool together[2] = {};
    pool.for_each(2, [&](std::size_t i) {
        std::unique_lock lock(mutex);
        threads.insert(std::this_thread::get_id());
        changed.notify_all();
        together[i] = changed.wait_for(lock, std::chrono::seconds(20), [&] { return threads.size() == 2; });
    });
    EXPECT_TRUE(together[0] && together[1]);
}

TEST(ThreadPool, ThrowsWhatACallThrewAfterAllHaveEndedAndGoesOn) {
    for (const int n_thread : {1, 3}) {
        const engine::ThreadPool pool(n_thread);
        std::vector<int> calls(100, 0);
        const auto call = [&](std::size_t i) {
            ++calls[i];
            if (i == 40) throw std::runtime_error("forty");
        };
        EXPECT_THROW(pool.for_each(calls.size(), call), std::runtime_error);
        EXPECT_EQ(calls, std::vector<int>(100, 1));
        int sum = 0;
        pool.for_each(1, [&](std::size_t) { ++sum; });
        EXPECT_EQ(sum, 1);
    }
}

}  // namespace
}  // namespace tiller
