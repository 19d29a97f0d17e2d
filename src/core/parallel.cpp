#include "core/parallel.h"

#include <exception>

// The engine's package may bring OpenMP's flags along when tiller's own option is off.
#if defined(_OPENMP) && !defined(TILLER_NO_OPENMP)
#define TILLER_USES_OPENMP
#endif

namespace tiller {

bool has_threads() noexcept {
#ifdef TILLER_USES_OPENMP
    return true;
#else
    return false;
#endif
}

void parallel_for(std::size_t n, [[maybe_unused]] int n_thread, const std::function<void(std::size_t)>& f) {
    std::exception_ptr failed;
    // Where the engine's threads are OpenMP's, these are the same ones and need not be started.
#ifdef TILLER_USES_OPENMP
#pragma omp parallel for schedule(dynamic) num_threads(n_thread) if (n > 1 && n_thread > 1)
#endif
    for (std::size_t i = 0; i < n; ++i) {
        try {
            f(i);
        } catch (...) {
#ifdef TILLER_USES_OPENMP
#pragma omp critical(tiller_parallel_for)
#endif
            failed = std::current_exception();
        }
    }
    if (failed) std::rethrow_exception(failed);
}

}  // namespace tiller
