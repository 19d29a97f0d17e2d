// Runs rows: sequences with their own edits and captures, many in one batch.
// The engine does not know what a function vector is.
//
// Batch-shape rules. They make a row's numbers the same bits whether it is computed by itself or with others,
// whatever rows come, go or are cancelled meanwhile, and whether its prompt was computed or copied
// (docs/architecture.md):
//  1. A prompt of T tokens is computed as tokens [0, T-1) in chunks. The last prompt token and every further
//     token are steps of one token per row. A chunk is padded to a multiple of four tokens (the padding is
//     cut off again), a step's batch to a multiple of four rows: kernels for one to three rows round
//     differently. Prompts and steps never share a batch.
//  2. In run() and Stepper every row has a sequence of keys and values of its own. Chunks that are computed
//     together are padded to the longest of them.
//  3. Tokens with which two prompts begin may be computed once and copied where the same edits act on them;
//     only tokens that were computed in chunks, because the attention of a step rounds differently.
//  4. Flash attention is off on the CPU.
// In fork() all rows of a prompt share its cells, so a row's rounding depends on its place among them. The
// same call gives the same results. They agree with run() to about 1e-5 in log-probability on float32 models.
// On quantised models the engine rounds activations to 8 bits, so any last-digit difference grows to the size
// of that rounding (up to 0.9 nats, docs/architecture.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/edit.h"
#include "tiller/model.h"
#include "tiller/row.h"

namespace tiller {

struct EngineOptions {
    int n_threads = 0;               ///< 0 = one for each logical processor of the machine.
    bool cache_f32 = false;          ///< Key/value cache in float32 instead of float16.
    int max_rows = 64;               ///< Rows computed at the same time in run(), [1, 256]; the others wait.
    std::uint64_t memory_limit = 0;  ///< Bytes for model, caches and buffers; 0 = what the machine has free.
    bool flash_attention = false;    ///< Only sensible on a GPU; changes results, recorded in reports.
};

/// Counters since the engine was made; for progress, cost ledgers and tests.
struct EngineStats {
    std::uint64_t n_decode = 0;   ///< Decodes: batches given to llama.cpp, also those that were stopped.
    std::uint64_t n_token = 0;    ///< Tokens computed, padding included.
    std::uint64_t n_padding = 0;  ///< Tokens computed only to keep the batch shape.
    std::uint64_t n_edit = 0;     ///< Edits applied (per row, layer and token).
    std::uint64_t n_capture = 0;  ///< Activations read (per row, layer and token).
    double seconds = 0;           ///< Spent in decodes and in computing logits.
};

/// Memory that rows take, computed before work starts; bytes.
struct MemoryNeed {
    std::uint64_t model = 0;    ///< The weights: the model's files. Taken already, so not part of `free`.
    std::uint64_t caches = 0;   ///< Key/value cells of all rows in flight.
    std::uint64_t buffers = 0;  ///< Logits, attention scores and what else a graph computes.
    std::uint64_t free = 0;     ///< What caches and buffers may take.
    int n_rows = 0;  ///< Rows computed at the same time in run(): max_rows, or fewer where memory is short.
};
/// "needs about 940 MB: model 241, caches 380, buffers 319; free 9000 MB".
std::string memory_text(const MemoryNeed& need);
/// Throws environment, with the numbers, when caches and buffers are larger than what is free.
void require_memory(const MemoryNeed& need);

/// Runs rows on one model. Not thread-safe: one engine per thread. Holds the key/value caches, which grow
/// with the longest row seen.
class Engine {
public:
    /// Shares `model`. Finds the model's sites by computing four tokens. Throws usage (max_rows), environment
    /// (not enough memory, no threads), unsupported (several residual streams; a post-norm other than the
    /// weights say).
    explicit Engine(std::shared_ptr<const Model> model, const EngineOptions& options = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const Model& model() const noexcept;
    const ModelInfo& info() const noexcept { return model().info(); }
    const EngineOptions& options() const noexcept;
    const EngineStats& stats() const noexcept;

    /// Runs rows and returns one result each, in order. Tokens with which several rows begin are computed
    /// once where the same edits act on them. Throws usage (an edit's layer, width or head does not exist, a
    /// row is empty, a vector has NaN), unsupported (the architecture lacks a site), bad_input (a row is
    /// longer than the model's context), environment (not enough memory; the numbers are named), incomplete
    /// (an edit or capture was not carried out), interrupted (see cancel_with()).
    std::vector<RowResult> run(std::span<const Row> rows);

    /// Runs rows that are branches of few prompts: each different prompt is computed once, and short prompts
    /// share batches. No edit or capture may touch a token before the last prompt token. Rows with forced
    /// tokens but without edits and captures are read in few batches, each with many tokens of a text; tokens
    /// with which several texts after one prompt begin are computed once. Errors as run(); usage also for
    /// Row::want_prompt_logprobs.
    std::vector<RowResult> fork(std::span<const Row> rows);

    /// Called after each decode of run() and fork(), in their thread, with (rows finished in this call, rows
    /// of this call); may be empty.
    void on_progress(std::function<void(std::size_t, std::size_t)> callback);

    /// While `*flag` is true, run(), fork() and Stepper::step() throw Code::interrupted; a decode under way
    /// is stopped. Any thread may set the flag. Not owned: it must outlive its use; null = no flag.
    void cancel_with(const std::atomic<bool>* flag);

    /// Does this layer have this site in the model's graph? False for a layer that does not exist.
    bool has_site(Site site, int layer) const;

    /// Bytes that run() with `n_rows` rows (at most max_rows at a time) of `n_token` tokens each takes,
    /// without the model.
    std::uint64_t estimate_bytes(int n_rows, int n_token) const;

    /// Memory for run() with rows of at most n_run_token tokens (prompt and continuation), and for fork() of
    /// n_fork_row branches of one step each, from prompts of at most n_fork_token tokens. The two never hold
    /// memory at the same time, so the larger one counts; 0 tokens leave one out.
    MemoryNeed memory_need(int n_run_token, int n_fork_token = 0, int n_fork_row = 0) const;

    /// The engine's state; defined and used in src/engine only.
    struct Impl;
    Impl& impl() noexcept { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

/// Width in floats of a site in a layer, which must exist; 0 for head_output in a layer without heads.
int site_width(const ModelInfo& info, Site site, int layer);

}  // namespace tiller
