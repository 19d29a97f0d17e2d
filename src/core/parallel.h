// Loops over independent items on several threads.
#pragma once

#include <cstddef>
#include <exception>

namespace tiller {

/// Calls f(i) for each i in [0, n) on n_thread threads, in no order: each call must only change what is its
/// own. An exception of a call is thrown again when all have ended (one of them when there are several).
template <class F>
void parallel_for(std::size_t n, int n_thread, const F& f) {
    std::exception_ptr failed;
    // The engine's threads are OpenMP's, so these are the same ones and need not be started.
#pragma omp parallel for schedule(dynamic) num_threads(n_thread) if (n > 1 && n_thread > 1)
    for (std::size_t i = 0; i < n; ++i) {
        try {
            f(i);
        } catch (...) {
#pragma omp critical(tiller_parallel_for)
            failed = std::current_exception();
        }
    }
    if (failed) std::rethrow_exception(failed);
}

}  // namespace tiller
