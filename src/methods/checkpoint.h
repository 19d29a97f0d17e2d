// Reading and writing the parts of an extraction that a Checkpoint stores.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// Prefix of the checkpoint key of values that depend on texts given by the caller. Names of control tokens
/// in such texts are parsed or read as plain text (ModelInfo::control_names), so the two cases get different
/// keys.
inline std::string texts_key(const ModelInfo& info) {
    return info.control_names == ControlNames::parse ? "special-" : "";
}

/// Is it the key of head outputs of a set of prompts? They depend on the prompts and the model only, so tasks
/// can share them.
inline bool is_outputs_key(std::string_view key) {
    if (key.starts_with("special-")) key.remove_prefix(8);
    return key.starts_with("outputs-");
}

/// The values stored under `key` when there are exactly `size` of them. Otherwise calls `compute`, stores its
/// result under `key` and returns it. `checkpoint` may be null: then always computes. The key must name
/// everything that the values depend on, except the model.
template <class Compute>
std::vector<float> cached(Checkpoint* checkpoint, const std::string& key, std::size_t size, Compute compute) {
    if (checkpoint)
        if (auto values = checkpoint->load(key); values && values->size() == size) return std::move(*values);
    auto values = compute();
    if (checkpoint) checkpoint->store(key, values);
    return values;
}

}  // namespace tiller
