// The engine's threads, shared by everything that one Engine computes.
#pragma once

#include <llama.h>

#include <memory>

namespace tiller::engine {

/// Threads of the engine that wait for work, asleep after a moment (cmake/engine/waiting.patch). Only one
/// context or backend may compute with them at a time.
class ThreadPool {
public:
    /// n_thread - 1 threads are started; the caller of the engine is the last one. Throws environment when
    /// they cannot be.
    explicit ThreadPool(int n_thread);

    ggml_threadpool_t get() const { return pool_.get(); }
    /// Makes a context compute with these threads. The pool must outlive it.
    void attach(llama_context* context) const;
    /// The same for a CPU backend.
    void attach(ggml_backend_t backend) const;

private:
    struct Free {
        void operator()(ggml_threadpool_t p) const;
    };
    std::unique_ptr<ggml_threadpool, Free> pool_;
};

}  // namespace tiller::engine
