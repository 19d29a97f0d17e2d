// The engine's C handles, owned. Included by src/engine only. Freeing logs, too, so it has a log of its own.
#pragma once

#include <llama.h>

#include <memory>

#include "engine/engine_log.h"

namespace tiller::engine {

struct FreeModel {
    void operator()(llama_model* p) const {
        const EngineLog log;
        llama_model_free(p);
    }
};
struct FreeContext {
    void operator()(llama_context* p) const {
        const EngineLog log;
        llama_free(p);
    }
};
struct FreeSampler {
    void operator()(llama_sampler* p) const { llama_sampler_free(p); }
};
using ModelHandle = std::unique_ptr<llama_model, FreeModel>;
using ContextHandle = std::unique_ptr<llama_context, FreeContext>;
using SamplerHandle = std::unique_ptr<llama_sampler, FreeSampler>;

}  // namespace tiller::engine
