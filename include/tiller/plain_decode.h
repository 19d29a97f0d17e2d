// The yardstick for benchmarks: the engine computing tokens as it does for anybody, without tiller's hooks.
#pragma once

#include <atomic>
#include <memory>

#include "tiller/engine.h"

namespace tiller {

/// A batch of plain decoding: n_row sequences of `length` tokens each, in streams of their own, of which
/// n_output tokens (spread evenly) get logits. n_row * length and n_output are at most 512, n_row at most
/// 256.
struct PlainShape {
    int n_row = 1;
    int length = 512;
    int n_output = 1;
};

/// Seconds that the engine itself takes for n_batch batches of a shape, each with an empty cache, after one
/// that is not counted. No callback is registered, no logit is read, and making the context is not counted.
/// `options` gives threads, cache type and flash attention. Thread-safe. Throws usage (impossible shape or
/// n_batch < 1), environment (no memory, or the engine failed), interrupted (`cancel`, which may be null and
/// is not owned, became true).
double plain_decode_seconds(const std::shared_ptr<const Model>& model, const EngineOptions& options,
                            const PlainShape& shape, int n_batch, const std::atomic<bool>* cancel = nullptr);

}  // namespace tiller
