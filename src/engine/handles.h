// The engine's C handles, owned. Included by src/engine only.
#pragma once

#include <llama.h>

#include <memory>
#include <string>

namespace tiller::engine {

struct FreeModel {
    void operator()(llama_model* p) const { llama_model_free(p); }
};
struct FreeContext {
    void operator()(llama_context* p) const { llama_free(p); }
};
struct FreeSampler {
    void operator()(llama_sampler* p) const { llama_sampler_free(p); }
};
using ModelHandle = std::unique_ptr<llama_model, FreeModel>;
using ContextHandle = std::unique_ptr<llama_context, FreeContext>;
using SamplerHandle = std::unique_ptr<llama_sampler, FreeSampler>;

/// Starts the engine once per process and takes over its log (the library never prints).
void start_engine();

/// The engine's last warnings and errors since the last call, one line each, for error messages.
std::string take_engine_log();

}  // namespace tiller::engine
