// Parts of an extraction that are kept in a Checkpoint.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// Begins the key of values that depend on the texts given: control tokens' names in them may be read in two
/// ways.
inline std::string texts_key(const ModelInfo& info) {
    return info.control_names == ControlNames::parse ? "special-" : "";
}

/// The values under `key` when there are `size` of them, else what `compute` gives, which is stored there.
/// `checkpoint` may be null. The key must name all that the values depend on beside the model.
template <class Compute>
std::vector<float> cached(Checkpoint* checkpoint, const std::string& key, std::size_t size, Compute compute) {
    if (checkpoint)
        if (auto values = checkpoint->load(key); values && values->size() == size) return std::move(*values);
    auto values = compute();
    if (checkpoint) checkpoint->store(key, values);
    return values;
}

}  // namespace tiller
