#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tiller {

void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failed;
    std::mutex mutex;
    const auto call = [&](std::size_t i) {
        try {
            f(i);
        } catch (...) {
            const std::lock_guard lock(mutex);
            failed = std::current_exception();
        }
    };
    const auto work = [&] {
        for (std::size_t i = next++; i < n; i = next++) call(i);
    };
    {
        // Threads are started for each call, which takes some ten microseconds. A pool would leave idle
        // threads of the library in the process.
        std::vector<std::jthread> others;
        const std::size_t n_other = std::min<std::size_t>(n, static_cast<std::size_t>(std::max(n_thread, 1)));
        try {
            for (std::size_t t = 1; t < n_other; ++t) others.emplace_back(work);
        } catch (const std::system_error&) {
            // The system gives no more threads: those that started do the work.
        }
        work();
    }
    if (failed) std::rethrow_exception(failed);
}

}  // namespace tiller
