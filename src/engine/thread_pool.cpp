#include "engine/thread_pool.h"

#include <fmt/format.h>
#include <ggml-cpu.h>

#include "engine/engine_log.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

// By name: the CPU backend may be a library that is loaded when the program runs.
template <class Function>
Function find(const char* name) {
    const ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    void* found =
        device ? ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name) : nullptr;
    if (!found) throw Error(Code::environment, fmt::format("the engine's CPU backend has no {}", name));
    return reinterpret_cast<Function>(found);
}

}  // namespace

ThreadPool::ThreadPool(int n_thread) {
    const EngineLog log;
    auto params = ggml_threadpool_params_default(n_thread);
    params.poll = 1;
    pool_.reset(find<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params));
    if (!pool_)
        throw Error(Code::environment,
                    fmt::format("the engine could not start {} threads; ask for fewer", n_thread),
                    Topic::none);
}

void ThreadPool::Free::operator()(ggml_threadpool_t p) const {
    static const auto free = find<decltype(&ggml_threadpool_free)>("ggml_threadpool_free");
    free(p);
}

void ThreadPool::attach(llama_context* context) const {
    llama_attach_threadpool(context, pool_.get(), pool_.get());
}

void ThreadPool::attach(ggml_backend_t backend) const {
    find<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(backend, pool_.get());
}

}  // namespace tiller::engine
