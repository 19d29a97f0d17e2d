// One llama context with its hook: creation within limits, and decoding one batch with a plan.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/handles.h"
#include "engine/hook.h"
#include "engine/thread_pool.h"
#include "tiller/engine.h"

namespace tiller::engine {

/// Most tokens of one decode, and the chunk of long prompts (batch-shape rule 1).
constexpr int kChunk = 512;
/// Steps are padded to a multiple of this many rows (batch-shape rule 1): kernels for one to three rows round
/// differently.
constexpr int kRowMultiple = 4;

/// Most rows computed together before their last prompt tokens.
constexpr std::size_t kPrefillRows = 8;

/// Rows of a tile of the matrix units (AMX). A batch of a few rows more than whole tiles costs as much as one
/// of half a tile more, so work is divided at multiples of this.
constexpr int kMatrixTile = 16;

/// Cells that a cache is a multiple of, at least (cmake/engine/short_attention.patch).
constexpr int kCells = 64;

inline int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }
/// Rows or tokens of a batch of n after padding.
inline int padded(int n) { return round_up(n, kRowMultiple); }

/// Most rows whose logits are kept at once: 256, fewer where the vocabulary is large (128 MB of logits); a
/// multiple of 16.
int max_output_rows(int n_vocab);

struct ContextShape {
    int n_seq = 4;        ///< Sequences.
    int n_ctx = 256;      ///< Tokens per sequence (streams) or in all (shared).
    bool shared = false;  ///< One cache for all sequences (fork) instead of a stream for each (run).
    int n_output = 0;     ///< Tokens of one batch with outputs; at least n_seq are kept.
    /// Rows of logits that tiller computes itself beside this context (unembedding.h); 0: the engine does.
    int own_logits = 0;
    /// Outputs that are kept: in buffers of n_vocab floats each.
    int outputs() const { return n_output > n_seq ? n_output : n_seq; }
    bool covers(const ContextShape& other) const {
        return n_ctx >= other.n_ctx && n_seq >= other.n_seq && outputs() >= other.outputs();
    }
};

/// What a context of this shape takes, in bytes.
struct ContextBytes {
    std::uint64_t cache = 0;    ///< Key/value cells.
    std::uint64_t buffers = 0;  ///< Logits, attention scores and what else a graph computes.
    std::uint64_t total() const { return cache + buffers; }
};
ContextBytes context_bytes(const Model& model, const ContextShape& shape, bool cache_f32);

/// The threads that these options ask for, at least one.
int n_threads(const EngineOptions& options);

/// What all contexts have in common: batch size, threads, attention, cache type; a stream for each sequence.
llama_context_params base_params(const EngineOptions& options);

/// One token of a batch.
struct Entry {
    Token token = 0;
    int position = 0;
    int sequence = 0;
    bool output = false;
    /// Further sequences that have this token; in a shared context only.
    std::span<const int> more_sequences{};
};

class Context {
public:
    /// `budget`: bytes that it may take. `threads` must outlive it. Throws environment when it cannot be
    /// made; the needed bytes are named.
    Context(std::shared_ptr<const Model> model, const ContextShape& shape, const EngineOptions& options,
            std::uint64_t budget, const ThreadPool& threads);

    const ContextShape& shape() const { return shape_; }
    /// Cells of a sequence (of all, in a shared context): what the shape asks for, rounded up by the engine.
    int n_cell() const;
    Hook& hook() { return hook_; }

    /// Finds the sites by computing four tokens, then clears the cache.
    void probe();

    /// Decodes `entries` in one batch, which must fit into kChunk tokens. plan.tokens and n_output are filled
    /// here from the entries. False when it was stopped (see stop_when()): the cache is as before then, and
    /// what captures of the plan were to read is undefined. Throws incomplete when the plan was not carried
    /// out, environment when the engine fails.
    bool decode(std::span<const Entry> entries, DecodePlan& plan);
    /// Asked again and again during a decode, in a thread of the engine's; true stops it. Must not throw.
    void stop_when(bool (*stop)(void* user), void* user);

    /// Logits [n_vocab] of entry i of the last decode, which must have asked for outputs and no states.
    std::span<const float> logits(int i) const;
    /// Does the engine have logits of the last decode? After one for states only where it lacks
    /// cmake/engine/states_only.patch.
    bool keeps_logits() const;
    /// State (output of the last norm) [n_embd] of entry i of the last decode, which must have asked for
    /// states.
    std::span<const float> state(int i) const;

    /// Forgets all sequences; with `data`, zeroes the cells too (stale cells are masked, but NaN times 0 is
    /// NaN).
    void clear(bool data);
    /// Copies all cells of one sequence to another; without copying data in a shared context.
    void copy_sequence(int from, int to);
    /// Forgets positions [begin, infinity) of a sequence.
    void truncate(int sequence, int begin);

private:
    bool compute(std::span<const Entry> entries);

    std::shared_ptr<const Model> model_;
    ContextShape shape_;
    Hook hook_;
    ContextHandle context_;
    struct FreeBatch {
        void operator()(llama_batch* b) const {
            llama_batch_free(*b);
            delete b;
        }
    };
    std::unique_ptr<llama_batch, FreeBatch> batch_;
};

}  // namespace tiller::engine
