// Loops over independent items on several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

namespace tiller {

/// Calls f(i) once for each i in [0, n), in no particular order, on all threads that are in work(). Calls
/// must not change what other calls use. An exception does not stop the other calls. `f` must outlive this.
class SharedLoop {
public:
    SharedLoop(std::size_t n, const std::function<void(std::size_t)>& f) : call_(f), n_(n) {}

    /// Takes calls until there are none left; others may still be under way then.
    void work() noexcept;
    /// Throws again what a call threw (the last one when there are several). For when all threads are back.
    void rethrow() const;

private:
    const std::function<void(std::size_t)>& call_;
    std::size_t n_;
    std::atomic<std::size_t> next_ = 0;
    std::mutex mutex_;
    std::exception_ptr failed_;
};

/// A SharedLoop on at most n_thread threads: the caller's and others that end with the loop. Where the system
/// gives fewer threads, those do the work.
void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f);

}  // namespace tiller
