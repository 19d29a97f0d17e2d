// Loops over independent items on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tiller {

/// Calls f(i) once for each i in [0, n), in no particular order, on at most n_thread threads: the caller's
/// and others that end with the loop. Calls must not change what other calls use. Where the system gives
/// fewer threads, those do the work. An exception does not stop the other calls; when all have ended it is
/// thrown again (the last one when there are several).
void parallel_for(std::size_t n, int n_thread, const std::function<void(std::size_t)>& f);

}  // namespace tiller
