// The state of a Model, for src/engine.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "engine/gguf_file.h"
#include "engine/handles.h"
#include "engine/rpc_devices.h"
#include "engine/special_tokens.h"
#include "tiller/model.h"

namespace tiller {

struct Model::Handle {
    engine::RpcDevices rpc;  ///< Declared before `llama`, whose end closes the connections to servers.
    engine::ModelHandle llama;
    std::vector<std::unique_ptr<engine::GgufFile>> parts;
    ModelInfo info;
    engine::SpecialTokens special;
    std::string chat_template;                  ///< Empty when the file has none.
    std::vector<std::filesystem::path> mapped;  ///< Files whose weights the engine may have mapped.
    std::uint64_t kv_per_token_f16 = 0;         ///< Bytes of key/value cache per token with a float16 cache.

    const llama_vocab* vocab() const { return llama_model_get_vocab(llama.get()); }
    /// The part that holds a tensor, or null.
    const engine::GgufFile* part_with(const std::string& tensor) const {
        for (const auto& part : parts)
            if (part->tensor(tensor)) return part.get();
        return nullptr;
    }
};

}  // namespace tiller
