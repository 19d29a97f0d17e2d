// The yardstick for benchmarks: the engine computing tokens as it does for anybody, without tiller's hooks.
#pragma once

#include <atomic>
#include <memory>

#include "tiller/engine.h"

namespace tiller {

/// A batch of plain decoding: n_row sequences of `length` tokens each, every sequence with cells of its own
/// in the KV cache; n_output of the tokens (spread evenly) get logits. n_row * length and n_output are at
/// most 512, n_row at most 256.
struct PlainShape {
    int n_row = 1;
    int length = 512;
    int n_output = 1;
};

/// Seconds that the engine itself takes for n_batch batches of a shape, each with an empty cache. A first
/// batch is not counted, nor is making the context. No callback is registered, no logit is read. `options`
/// gives threads, cache type and flash attention. Thread-safe. Throws usage (impossible shape or n_batch <
/// 1), environment (no memory, or the engine failed), interrupted (`*cancel` became true; `cancel` may be
/// null and is not owned).
double plain_decode_seconds(const std::shared_ptr<const Model>& model, const EngineOptions& options,
                            const PlainShape& shape, int n_batch, const std::atomic<bool>* cancel = nullptr);

}  // namespace tiller
