#include "core/parallel.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

namespace tiller {

void SharedLoop::work() noexcept {
    for (std::size_t i = next_++; i < n_; i = next_++) try {
            call_(i);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            failed_ = std::current_exception();
        }
}

void SharedLoop::rethrow() const {
    if (failed_) std::rethrow_exception(failed_);
}

void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f) {
    SharedLoop loop(n, f);
    {
        // Threads are started for each call, which takes some ten microseconds. A pool would leave idle
        // threads of the library in the process.
        std::vector<std::jthread> others;
        const std::size_t n_other = std::min<std::size_t>(n, static_cast<std::size_t>(std::max(n_thread, 1)));
        try {
            for (std::size_t t = 1; t < n_other; ++t) others.emplace_back([&] { loop.work(); });
        } catch (const std::system_error&) {
            // The system gives no more threads: those that started do the work.
        }
        loop.work();
    }
    loop.rethrow();
}

}  // namespace tiller
