// What a model is, however its bytes are divided: a digest of its metadata and tensors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/gguf_file.h"

namespace tiller::engine {

/// SHA-256 hex over the metadata (but for the keys split.*, which say how a model is divided) and the tensors
/// of all parts, both by name: the same for one file and for the same model in shards. Tensors are hashed on
/// `n_thread` threads. Throws environment when a file cannot be read.
std::string weights_digest(const std::vector<std::unique_ptr<GgufFile>>& parts, int n_thread);

}  // namespace tiller::engine
