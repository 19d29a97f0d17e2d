// The engine's threads, shared by everything that one Engine computes.
#pragma once

#include <ggml-backend.h>
#include <llama.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tiller::engine {

/// Threads of the engine that wait for work, asleep after a moment (cmake/engine/waiting.patch). Only one
/// context, backend or loop may compute with them at a time.
class ThreadPool {
public:
    /// n_thread - 1 threads are started; the caller of the engine is the last one. Throws environment when
    /// they cannot be, or the engine has no CPU backend.
    explicit ThreadPool(int n_thread);

    /// Makes a context compute with these threads. The pool must outlive it.
    void attach(llama_context* context) const;
    /// The CPU backend that computes with these threads.
    ggml_backend_t backend() const { return backend_.get(); }
    /// A SharedLoop (core/parallel.h) on these threads: for what is too short to start threads for.
    void for_each(std::size_t n, const std::function<void(std::size_t)>& f) const;

private:
    struct Free {
        void operator()(ggml_threadpool_t p) const;
    };
    struct FreeBackend {
        void operator()(ggml_backend_t p) const { ggml_backend_free(p); }
    };
    int n_thread_;
    std::unique_ptr<ggml_threadpool, Free> pool_;
    std::unique_ptr<ggml_backend, FreeBackend> backend_;
};

}  // namespace tiller::engine
