// A model whose weights are float32, made of one whose weights are quantised.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>

#include "engine/gguf_file.h"

namespace tiller::engine {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

/// Bytes of all tensors of a model when every one that can be is float32.
std::uint64_t float_bytes(std::span<const std::unique_ptr<GgufFile>> parts);

/// One GGUF file with the metadata of these parts and all their tensors, as float32 where the type can be
/// converted, else as they are. Every value is the one that the quantised weight stands for. The file has no
/// name and goes when it is closed and no longer mapped; on Linux it lies in memory, elsewhere in the
/// system's folder for temporary files. Positioned at its beginning. Throws environment (no room, interrupted
/// system call), bad_input (a tensor cannot be read).
FilePtr float_copy(std::span<const std::unique_ptr<GgufFile>> parts);

}  // namespace tiller::engine
