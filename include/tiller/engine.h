// Runs rows: sequences with their own edits and captures, many in one batch.
// The engine does not know what a function vector is.
//
// Batch-shape rules (they make a row's numbers independent of its neighbours, see docs/architecture.md):
//  1. A row's prompt of T tokens is computed as tokens [0, T-1) in chunks with boundaries at multiples of
//     512 tokens, then the last prompt token and every further token as steps of one token per row.
//  2. Every row has its own key/value stream in run(); only rows with equal padded prompt lengths are
//     computed together before the last token; prompts are padded to a multiple of four tokens (the padding
//     is cut off again) and steps to a multiple of four rows, because kernels for one to three rows round
//     otherwise.
//  3. Flash attention is off on the CPU.
// fork() shares one prompt's cells between its rows, so that a branch's rounding depends on its slot. Its
// results are the same for the same call, and agree with run() to about 1e-5 in log-probability on float32
// models; on quantised models the engine rounds activations to 8 bits, which turns any last-digit difference
// into noise of the size of that rounding (up to 0.9 nats, docs/architecture.md).
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

namespace tiller {

/// How tokens are chosen. temperature 0 = greedy (ties: the lower token id).
struct Sampling {
    float temperature = 0.0f;  ///< >= 0.
    float top_p = 1.0f;        ///< (0, 1].
    int top_k = 0;             ///< 0 = off.
    std::uint32_t seed = 0;    ///< Of this row.
};

/// One sequence to run, with everything that is to be done to it and read from it.
struct Row {
    std::vector<Token> prompt;  ///< At least one token.
    std::vector<Edit> edits;    ///< Applied in this order where several meet.
    std::vector<Capture> captures;
    std::vector<Token> forced;  ///< Teacher-forced continuation; its log-probabilities are returned.
    int max_new_tokens = 0;     ///< Sampled tokens after the prompt. Not together with `forced`.
    Sampling sampling = {};
    std::string stop;  ///< Stop once the generated text, blanks in front aside, contains this (empty = off).
    int n_top = 0;     ///< Top tokens of the distribution after the prompt.
    std::vector<Token> watch;  ///< Tokens whose log-probability and rank after the prompt are wanted.
    bool want_logits = false;  ///< All n_vocab logits after the prompt.

    /// Nothing is asked for but captures of the prompt: the output head is skipped.
    bool captures_only() const {
        return forced.empty() && max_new_tokens == 0 && n_top == 0 && watch.empty() && !want_logits;
    }
};

struct TokenLogprob {
    Token token = 0;
    float logprob = 0;  ///< Natural log-probability over the whole vocabulary.
};

/// What came of a Row.
struct RowResult {
    std::vector<TokenLogprob> top;      ///< n_top entries, most likely first (ties: lower id).
    std::vector<float> watch_logprob;   ///< One per Row::watch.
    std::vector<int> watch_rank;        ///< 0 = most likely. One per Row::watch.
    std::vector<float> logits;          ///< [n_vocab] when wanted.
    std::vector<float> forced_logprob;  ///< One per Row::forced.
    std::vector<Token> generated;       ///< Without the end-of-generation token.
    std::string text;                   ///< Of `generated`.
    bool ended = false;                 ///< End-of-generation token or stop text met.
    bool broken = false;             ///< The edits drove the logits to NaN or infinity: the row ended there,
                                     ///< missing log-probabilities are -infinity.
    std::vector<Captured> captured;  ///< One per Row::captures.
};

struct EngineOptions {
    int n_threads = 0;               ///< 0 = the machine's cores.
    bool cache_f32 = false;          ///< Key/value cache in float32 instead of float16.
    int max_rows = 64;               ///< Rows in flight in run(), [1, 256]; more rows are run in waves.
    std::uint64_t memory_limit = 0;  ///< Bytes for model, caches and buffers; 0 = what the machine has free.
    bool flash_attention = false;    ///< Only sensible on a GPU; changes results, recorded in reports.
};

/// Counters since the engine was made; for progress, cost ledgers and tests.
struct EngineStats {
    std::uint64_t n_decode = 0;   ///< Calls into the engine.
    std::uint64_t n_token = 0;    ///< Tokens computed, padding included.
    std::uint64_t n_padding = 0;  ///< Tokens computed only to keep the batch shape.
    std::uint64_t n_edit = 0;     ///< Edits applied (per row, layer and token).
    std::uint64_t n_capture = 0;  ///< Activations read (per row, layer and token).
    double seconds = 0;           ///< Spent inside the engine.
};

/// Memory that rows take, computed before work starts; bytes.
struct MemoryNeed {
    std::uint64_t model = 0;    ///< The weights: the model's files. Taken already, so not part of `free`.
    std::uint64_t caches = 0;   ///< Key/value cells of all rows in flight.
    std::uint64_t buffers = 0;  ///< Logits, attention scores and what else a graph computes.
    std::uint64_t free = 0;     ///< What caches and buffers may take.
    int n_rows = 0;             ///< Rows in flight in run(): max_rows, fewer where that does not fit.
};
/// "needs about 940 MB: model 241, caches 380, buffers 319; free 9000 MB".
std::string memory_text(const MemoryNeed& need);
/// Throws environment, with the numbers, when caches and buffers are larger than what is free.
void require_memory(const MemoryNeed& need);

/// Runs rows on one model. Not thread-safe: one engine per thread. Holds the key/value caches, which grow
/// with the longest row seen.
class Engine {
public:
    explicit Engine(std::shared_ptr<const Model> model, const EngineOptions& options = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const Model& model() const noexcept;
    const ModelInfo& info() const noexcept { return model().info(); }
    const EngineOptions& options() const noexcept;
    const EngineStats& stats() const noexcept;

    /// Runs rows and returns one result each, in order. Rows that start with the same tokens and the same
    /// edits there are computed once. Throws usage (an edit's layer, width or head does not exist, a row is
    /// empty, a vector holds NaN), unsupported (the architecture lacks a site), bad_input (a row is longer
    /// than the model's context), environment (not enough memory; the numbers are named), incomplete (an edit
    /// or capture was not carried out), interrupted (see cancel).
    std::vector<RowResult> run(std::span<const Row> rows);

    /// Many branches of few prompts: each prompt is computed once, and no edit may touch a token before the
    /// last prompt token. Short prompts share batches. Captures only at or after the last prompt token.
    /// Rows with forced tokens and neither edits nor captures are read in few batches, and what texts behind
    /// one prompt begin with is computed once. Errors as run().
    std::vector<RowResult> fork(std::span<const Row> rows);

    /// Called after each decode with (rows finished in this call, rows of this call); may be empty.
    void on_progress(std::function<void(std::size_t, std::size_t)> callback);

    /// When set and true, the next decode throws Code::interrupted. Not owned; may be null.
    void cancel_with(const std::atomic<bool>* flag);

    /// Which (site, layer) pairs this model's graph offers, found by a probe. True = reachable.
    bool has_site(Site site, int layer) const;

    /// Bytes that a run of `n_rows` rows of `n_token` tokens each would take beside the model.
    std::uint64_t estimate_bytes(int n_rows, int n_token) const;

    /// What run() with rows of at most n_run_token tokens (prompt and what follows) and fork() of n_fork_row
    /// branches, one step each, from prompts of at most n_fork_token tokens would take (not at the same time,
    /// so the larger of the two); 0 tokens leave one of them out.
    MemoryNeed memory_need(int n_run_token, int n_fork_token = 0, int n_fork_row = 0) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Width in floats of a site in a layer of this model.
int site_width(const ModelInfo& info, Site site, int layer);

}  // namespace tiller
