// Weights rewritten for the machine's matrix units without changing a value.
//
// ggml's AMX kernels take Q8_0 but not Q5_0. A Q5_0 weight is scale * q with q in [-16, 15], which Q8_0 holds
// exactly with the same scale, so a copy of the model with Q5_0 widened to Q8_0 computes the same products on
// faster units.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/gguf_file.h"

namespace tiller::engine {

/// Q8_0 blocks with the same values as these Q5_0 blocks (whole blocks of 22 bytes; 34 bytes each come out).
std::vector<std::uint8_t> widen_q5_0(std::span<const std::uint8_t> blocks);

/// The widened copy of a model of one file, `cache_dir`/widened/<digest>.gguf, made when it is not there;
/// nullopt when it would not help (no AMX, no Q5_0 matrices) or cannot be made (disk). `digest` is the
/// original's.
std::optional<std::filesystem::path> widened_model(const GgufFile& file, const std::string& digest,
                                                   const std::filesystem::path& cache_dir);

}  // namespace tiller::engine
