// Loops over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tiller {

/// Calls f(i) for each i in [0, n) on n_thread threads (the caller's and others that end with the loop), in
/// no order: each call must only change what is its own. Where the system gives fewer threads, those do the
/// work. An exception of a call is thrown again when all have ended (one of them when there are several).
void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f);

}  // namespace tiller
