// One row on its way through the engine: what it still has to compute, read and choose.
#pragma once

#include <atomic>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/distribution.h"
#include "engine/hook.h"
#include "engine/sampler.h"
#include "engine/text_stream.h"
#include "tiller/engine.h"
#include "tiller/stepper.h"

namespace tiller::engine {

/// Activations gathered for one Capture.
struct CaptureState {
    int layer_begin = 0, layer_end = 0, width = 0;
    int n_seen = 0;                          ///< Positions read so far.
    std::vector<std::vector<float>> blocks;  ///< Per position [layer][width]; unused for a mean.
    std::vector<double> sums;                ///< [layer][width] for a mean.
    int n_seen_before = 0;                   ///< n_seen before the decode under way.
    std::vector<double> sums_before;
};

class RowState {
public:
    /// `row`, which validate_rows has seen, and `result` must outlive the state.
    RowState(const Model& model, const Row& row, RowResult& result);

    /// Keeps an event for each new token, for take_events(). Before the first step.
    void keep_events() { keeps_events_ = true; }
    std::vector<TokenEvent> take_events() { return std::exchange(events_, {}); }
    /// Ends the row from outside when true; may be null. Must outlive the state.
    void cancel_with(const std::atomic<bool>* flag) { cancelled_ = flag; }
    const std::atomic<bool>* cancel_flag() const { return cancelled_; }
    bool is_cancelled() const { return cancelled_ && cancelled_->load(); }

    const Row& row() const { return *row_; }
    int n_prompt() const { return static_cast<int>(row_->prompt.size()); }
    /// Steps of one token that this row takes: the last prompt token and what follows.
    int n_step() const { return n_step_; }
    /// No step is left to compute.
    bool finished() const { return finished_; }
    bool broken() const { return result_->broken; }
    /// Were its logits finite? They depend on all its cells, so no cell is NaN then.
    bool proven() const { return proven_; }
    bool needs_logits() const { return !row_->captures_only(); }
    /// Do later steps or the text depend on the logits of a step? If not, they may come late: after finish().
    bool goes_on() const { return n_step_ > 1 || row_->max_new_tokens > 0; }
    /// The only step is computed; advance() comes later.
    void wait() { finished_ = true; }

    /// Does the prompt token at `position`, which is not the last, need its output kept: for a capture, or
    /// for the log-probability of the next one?
    bool needs_output(const SiteMap& sites, int position) const;
    /// Takes the logits after prompt token `position` when the row wants them; each position once, in order.
    void read_prompt(int position, std::span<const float> logits);
    /// Puts this row's captures and edits for the token at `position`, entry `index` of the batch, into the
    /// plan.
    void plan(DecodePlan& plan, int index, int position);

    /// Remembers what was captured so far, and goes back to it when the decode that follows did not happen.
    void mark();
    void roll_back();

    /// Token of the next step.
    Token next_token() const { return next_token_; }
    /// Takes the logits after the token of this step; chooses the next token or finishes.
    void advance(std::span<const float> logits);
    /// A step of a row that needs no logits.
    void advance();
    /// Whether the state of the last token, before the output head, was finite. The head may hide it:
    /// products with quantised weights turn NaN into zeros.
    void saw_state(bool finite) { (finite ? proven_ : not_finite_) = true; }
    /// The first n prompt tokens need not be computed.
    void reuse(int n) { result_->n_reused_token = n; }
    /// Ends an unfinished row as Finish::cancelled.
    void cancel();

    /// Moves text and captures into the result when the row is finished; a second call does nothing. Captured
    /// values that are not finite make the row broken. Throws incomplete when positions are missing.
    void finish();

private:
    void first_distribution(std::span<const float> logits, float largest);
    TokenEvent read_token(Token token, std::span<const float> logits, float largest);
    void accept(TokenEvent event);
    void end(Finish finish);
    void tell(TokenEvent event);

    const Model* model_;
    const Row* row_;
    RowResult* result_;
    Sampler sampler_;
    TextStream text_;
    std::vector<CaptureState> captures_;
    std::vector<TokenEvent> events_;
    const std::atomic<bool>* cancelled_ = nullptr;
    int n_step_ = 1, step_ = 0;
    Token next_token_ = 0;
    bool finished_ = false, proven_ = false, keeps_events_ = false, gathered_ = false;
    bool not_finite_ = false;
};

/// Is one of them broken? What it leaves in its cells is not a number then.
bool any_broken(std::span<RowState* const> rows);

/// Tokens of a row that are computed before its last prompt token, padded (batch-shape rule 1): kernels work
/// on several tokens at a time and round a remainder differently.
int prefill_length(const RowState& row);

}  // namespace tiller::engine
