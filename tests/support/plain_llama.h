// The engine as llama.cpp's own programs use it, with a control vector file: the second opinion on exports.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "tiller/token.h"

namespace tiller::test {

/// Logits after every token, [token][n_vocab], of a float32 model on one thread with a float32 cache. With a
/// file, its directions go to llama_set_adapter_cvec() as llama.cpp's programs give them: refused (throws
/// std::runtime_error) are tensors of layer 0, of another type than float32 or of several dimensions.
std::vector<std::vector<float>> plain_logits(const std::filesystem::path& model,
                                             std::span<const Token> tokens,
                                             const std::filesystem::path& control_vector = {});

}  // namespace tiller::test
