// What an Engine holds, for the files that make it up: engine.cpp (contexts, memory), engine_steps.cpp
// (prompts and steps of one token), engine_logits.cpp (what comes out of them), engine_run.cpp and
// engine_fork.cpp (which rows go together; run() and Stepper by scheduler.h), engine_texts.cpp (texts that
// are only read).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/context.h"
#include "engine/pack.h"
#include "engine/row_state.h"
#include "engine/text_tree.h"
#include "engine/unembedding.h"
#include "tiller/engine.h"

namespace tiller::engine {

/// Tokens [begin, end) of a row's prompt without its last, padded, to be computed in one decode.
struct PromptPart {
    RowState* row = nullptr;
    int sequence = 0;
    int begin = 0, end = 0;
};

}  // namespace tiller::engine

namespace tiller {

struct Engine::Impl {
    std::shared_ptr<const Model> model;
    EngineOptions options;
    EngineStats stats;
    engine::ThreadPool threads;  ///< Of all contexts and products.
    engine::SiteMap sites;
    int cell_step = 0;                         ///< What the engine rounds the cells of a cache up to.
    std::unique_ptr<engine::Context> streams;  ///< For run().
    bool streams_dirty = false;                ///< Cells of it may hold NaN.
    std::unique_ptr<engine::Context> shared;   ///< For fork().
    std::function<void(std::size_t, std::size_t)> progress;
    const std::atomic<bool>* cancel = nullptr;
    engine::DecodePlan plan;
    std::vector<engine::Entry> entries;
    std::size_t n_done = 0, n_row = 0;
    std::vector<const std::atomic<bool>*> stopping;    ///< Flags that end the decode under way.
    bool last_was_stopped = false;                     ///< The last decode was ended by one of these flags.
    std::unique_ptr<engine::Unembedding> unembedding;  ///< Null: logits come from the engine.
    std::vector<engine::RowState*> waiting;  ///< Rows whose logits are computed later, many at once.
    std::vector<float> states;  ///< [waiting][n_embd]: the states that these logits are computed from.
    /// Outputs kept for one batch, where rows of this run() need them before their last prompt token; else 0.
    int kept_outputs = 0;

    Impl(std::shared_ptr<const Model> m, const EngineOptions& o);

    // engine.cpp
    void check_one_stream() const;
    void check_post_norm() const;
    engine::ContextBytes bytes_of(const engine::ContextShape& shape) const;
    int cells(int n_token) const { return engine::round_up(n_token, cell_step); }
    engine::ContextShape stream_shape(int n_rows, int n_token) const;
    int rows_in_flight(int n_token) const;
    std::uint64_t budget() const;
    std::unique_ptr<engine::Context> make_context(const engine::ContextShape& shape);
    engine::Context& context(std::unique_ptr<engine::Context>& slot, engine::ContextShape shape);

    // engine_steps.cpp
    /// Is the flag of cancel_with() or one of `stopping` set? `user` is the Impl. Asked in the middle of
    /// decodes.
    static bool wants_stop(void* user);
    /// Computes `entries`, which are `rows`' (null: nobody's). False when a row's flag ended it: nothing has
    /// happened then. Throws interrupted for the flag of cancel_with(), and as Context::decode().
    bool decode(engine::Context& context, bool stop_early, bool keep_cache,
                std::span<engine::RowState* const> rows = {});
    bool early_outputs(const engine::RowState& row) const;
    int chunk_of(const engine::RowState& row, const engine::Context& context, int most) const;
    /// One decode of parts of prompts. In a context of streams, the parts are in neighbouring sequences and
    /// equally long, padding included. The caller removes the padding from the cache. False as decode().
    bool compute_prompts(engine::Context& context, std::span<const engine::PromptPart> parts);
    /// One token of each row: rows[i] (null: padding) in sequence first + i at positions[i], which grows. A
    /// multiple of kRowMultiple. False as decode().
    bool step_rows(engine::Context& context, int first, std::span<engine::RowState* const> rows,
                   std::span<int> positions);
    void prefill(engine::Context& context, std::span<engine::RowState* const> rows,
                 std::span<const int> sequences);
    void prefill_all(engine::Context& context, std::span<engine::RowState* const> rows,
                     std::span<const int> sequences);
    void steps(engine::Context& context, std::span<engine::RowState* const> rows,
               std::vector<int>& positions);

    // engine_logits.cpp
    void choose_logits(engine::Context& probe);
    engine::ContextShape with_logits(engine::ContextShape shape) const;
    std::vector<std::span<const float>> multiply(std::span<const float> values);
    std::vector<std::span<const float>> logits_of(const engine::Context& context, int n);
    void hand_out(std::span<engine::RowState* const> rows, std::span<const std::span<const float>> logits);
    void settle(bool all);
    void settle_rest();
    void forget_waiting();
    /// Gives rows the logits of the prompt tokens that the last decode computed, to those that want them.
    void read_prompts(const engine::Context& context, std::span<const engine::PromptPart> parts);
    void advance(const engine::Context& context, std::span<engine::RowState* const> rows);

    // engine_fork.cpp
    std::vector<int> hold_prompts(engine::Context& context, std::span<engine::RowState* const> rows,
                                  int first_sequence);
    void branch(engine::Context& context, engine::Pack& pack);

    void read_tree(engine::Context& context, const engine::TextTree& tree);  // engine_texts.cpp
};

}  // namespace tiller
