// A model for tests that need its shape alone.
#pragma once

#include "tiller/model.h"

namespace tiller::test {

/// Of heads 16 wide, 48 wide itself.
inline ModelInfo shape(int n_layer, int n_head) {
    ModelInfo info;
    info.n_layer = n_layer;
    info.n_embd = 48;
    info.n_head.assign(static_cast<std::size_t>(n_layer), n_head);
    info.d_head.assign(static_cast<std::size_t>(n_layer), 16);
    return info;
}

}  // namespace tiller::test
