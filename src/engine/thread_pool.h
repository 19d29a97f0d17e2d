// The engine's threads, shared by everything that one Engine computes.
#pragma once

#include <ggml-backend.h>
#include <llama.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tiller::engine {

struct FreeBackend {
    void operator()(ggml_backend_t p) const { ggml_backend_free(p); }
};
using CpuBackend = std::unique_ptr<ggml_backend, FreeBackend>;

/// Threads of the engine that wait for work, asleep after a moment (cmake/engine/waiting.patch). Only one
/// context, backend or loop may compute with them at a time.
class ThreadPool {
public:
    /// n_thread - 1 threads are started; the caller of the engine is the last one. Throws environment when
    /// they cannot be.
    explicit ThreadPool(int n_thread);

    /// Makes a context compute with these threads. The pool must outlive it.
    void attach(llama_context* context) const;
    /// A CPU backend that computes with these threads. The pool must outlive it. Throws environment when
    /// there is none.
    CpuBackend make_backend() const;
    /// Calls f(i) once for each i in [0, n), in no particular order, on these threads: for loops that are too
    /// short to start threads for. Calls must not change what other calls use. As parallel_for() otherwise.
    void for_each(std::size_t n, const std::function<void(std::size_t)>& f) const;

private:
    struct Free {
        void operator()(ggml_threadpool_t p) const;
    };
    int n_thread_;
    std::unique_ptr<ggml_threadpool, Free> pool_;
    CpuBackend loops_;  ///< Of for_each(); none for one thread.
};

}  // namespace tiller::engine
