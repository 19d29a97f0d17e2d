// Loops over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tiller {

/// Calls f(i) for each i in [0, n) on n_thread threads, in no order: each call must only change what is its
/// own. An exception of a call is thrown again when all have ended (one of them when there are several). All
/// on the calling thread when has_threads() is false.
void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f);

/// Was tiller built with OpenMP (the build's option TILLER_OPENMP)?
bool has_threads() noexcept;

}  // namespace tiller
