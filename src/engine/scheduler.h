// Who computes next: rows, the sequences of one context that they take, and what those keep for others.
//
//   add() -> queue -> a sequence: its prompt in chunks (or copied from another) -> steps -> ended
//
// A sequence is free, computes a prompt, or takes steps. A free one still holds the prompt of its last row.
// docs/architecture.md draws a row's way through one.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/context.h"
#include "engine/engine_impl.h"
#include "engine/prefix.h"
#include "engine/row_state.h"
#include "tiller/stepper.h"

namespace tiller::engine {

struct SchedulerOptions {
    int n_rows = 64;     ///< Rows with a sequence at once, at most the context's sequences.
    int chunk = kChunk;  ///< Prompt tokens of one decode, a multiple of kRowMultiple.
    /// Rows of the queue wait until so many can start together, unless nobody takes steps: prompts computed
    /// together are cheaper than one by one.
    int n_start = 1;
    bool take_turns = true;  ///< Prompts and steps in turn; false: prompts first.
    /// Use what a prompt has in common with another, not only a whole prompt without its last token; keep
    /// prompts that were used lately.
    bool parts = true;
    bool late_logits = false;  ///< Rows of one step may wait for logits until settle_rest().
};

class Scheduler {
public:
    /// Both must outlive the scheduler. The context has a stream for each sequence, and its cells hold no
    /// NaN.
    Scheduler(Engine::Impl& engine, Context& context, const SchedulerOptions& options);

    /// `row` must fit into a sequence and live until it has ended or remove() was called.
    void add(RowState& row) { queue_.push_back(&row); }
    /// At most one decode; finish() of rows that end is called. False when nothing is left to do. An error
    /// leaves all rows where they were; after one other than interrupted, call abandon().
    bool step();
    /// Takes a row out wherever it is, without ending it.
    void remove(RowState& row);
    /// Takes out all rows that have a sequence, and forgets what all sequences hold. Returns these rows.
    std::vector<RowState*> abandon();

    std::size_t n_queued() const { return queue_.size(); }
    std::size_t n_running() const;
    /// Does a free sequence hold cells that may be NaN?
    bool leaves_dirt() const;

    const StepperStats& stats() const { return stats_; }

private:
    enum class Phase { free, prompt, steps };
    struct Sequence {
        Phase phase = Phase::free;
        RowState* row = nullptr;  ///< Null when free.
        /// The row has not begun: another row is about to compute tokens that it can copy, or its sequence
        /// must be overwritten first and cannot be now. The sequence is then as its last row left it.
        bool waits = false;
        HeldPrefix held;    ///< What cells [0, held.size()) hold of a prompt.
        int position = 0;   ///< Next one; cells before it are in use.
        HeldPrefix target;  ///< The row's prompt without its last token.
        int chunk = 0;      ///< Tokens of it in one decode.
        /// No cell is NaN, also from `position` on. Says so only without a row or while it waits.
        bool clean = true;
        std::uint64_t turn = 0;  ///< When it was last taken; 0: never.
    };
    struct Source {
        int sequence = -1;
        int n_token = 0;  ///< That can be used; 0: none.
    };

    void end(RowState& row);
    void end_cancelled();
    void start_rows();
    int usable_length(int shared, const RowState& row) const;
    bool holds_numbers(const Sequence& from) const;
    bool usable(const Sequence& from, const RowState& row, int n) const;
    Source find_source(const RowState& row) const;
    bool has_leader(const RowState& row, int n_token) const;
    int choose_sequence(const Source& source) const;
    bool takes_steps() const;
    void begin_prompts();
    bool make_clean(int sequence);
    void set_position(int sequence, int position);
    std::vector<PromptPart> next_parts() const;
    bool compute_prompts(const std::vector<PromptPart>& parts);
    bool compute_step();
    void release(int sequence);
    int reach() const;

    Sequence& at(int sequence) { return sequences_[static_cast<std::size_t>(sequence)]; }
    const Sequence& at(int sequence) const { return sequences_[static_cast<std::size_t>(sequence)]; }
    int n_sequence() const { return static_cast<int>(sequences_.size()); }

    Engine::Impl* engine_;
    Context* context_;
    SchedulerOptions options_;
    std::deque<RowState*> queue_;
    std::vector<Sequence> sequences_;
    std::size_t n_ended_ = 0;
    bool prompts_next_ = true;
    std::uint64_t turn_ = 0;
    StepperStats stats_;
};

}  // namespace tiller::engine
