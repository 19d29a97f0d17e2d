#include "engine/thread_pool.h"

#include <fmt/format.h>
#include <ggml-cpu.h>
#include <ggml.h>

#include <new>

#include "core/parallel.h"
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

// What the engine takes for the computation of a tensor; nothing may be thrown through it.
void work_on_loop(ggml_tensor*, int, int, void* loop) { static_cast<SharedLoop*>(loop)->work(); }

}  // namespace

ThreadPool::ThreadPool(int n_thread) : n_thread_(n_thread) {
    const EngineLog log;
    auto params = ggml_threadpool_params_default(n_thread);
    params.poll = 1;
    pool_.reset(find<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params));
    if (!pool_)
        throw Error(Code::environment,
                    fmt::format("the engine could not start {} threads; ask for fewer", n_thread),
                    Topic::none);
    backend_.reset(ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr));
    if (!backend_) throw Error(Code::environment, "the engine has no CPU backend");
    find<decltype(&ggml_backend_cpu_set_n_threads)>("ggml_backend_set_n_threads")(backend(), n_thread);
    find<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(backend(),
                                                                                        pool_.get());
}

void ThreadPool::Free::operator()(ggml_threadpool_t p) const {
    static const auto free = find<decltype(&ggml_threadpool_free)>("ggml_threadpool_free");
    free(p);
}

void ThreadPool::attach(llama_context* context) const {
    llama_attach_threadpool(context, pool_.get(), pool_.get());
}

void ThreadPool::for_each(std::size_t n, const std::function<void(std::size_t)>& f) const {
    SharedLoop loop(n, f);
    if (n < 2 || n_thread_ < 2) {
        loop.work();
    } else {
        // A graph of one operation, which is the loop: the engine wakes its threads for graphs only.
        const std::unique_ptr<ggml_context, decltype(&ggml_free)> context(
            ggml_init({ggml_tensor_overhead() + ggml_graph_overhead_custom(1, false), nullptr, true}),
            ggml_free);
        if (!context) throw std::bad_alloc();
        ggml_cgraph* graph = ggml_new_graph_custom(context.get(), 1, false);
        ggml_build_forward_expand(graph, ggml_custom_4d(context.get(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0,
                                                        work_on_loop, GGML_N_TASKS_MAX, &loop));
        const EngineLog log;
        if (ggml_backend_graph_compute(backend(), graph) != GGML_STATUS_SUCCESS)
            throw Error(Code::environment, fmt::format("the engine could not run a loop: {}", log.text()));
    }
    loop.rethrow();
}

}  // namespace tiller::engine
