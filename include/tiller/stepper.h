// Rows that come and go: added at any time, computed one step at a time, their tokens reported one by one.
// What a chat or a server needs; for a closed set of rows use Engine::run().
//
// The promise of engine.h holds here too: a row's tokens, log-probabilities and captures are the same bits
// whether it is computed by itself or with others, whatever arrives, leaves or is cancelled meanwhile, and
// whether its prompt was computed or found in the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/row.h"

namespace tiller {

/// Names a row of one Stepper; never used twice.
using RowId = std::uint64_t;

/// One new token of a row, or (without a token) only its end.
struct TokenEvent {
    RowId row = 0;
    Token token = -1;  ///< Generated or forced; the end-of-generation token too. -1: none came.
    /// Valid UTF-8 that became certain. Text is held back while it may be the beginning of a character or of
    /// a stop text; a stop text and what follows it never come. The texts of all events of a row together are
    /// RowResult::text_before_stop() made valid.
    std::string text;
    /// Of `token` (see TokenLogprob), for rows with Row::want_logprobs, n_top_each or forced tokens; else
    /// NaN.
    float logprob = std::numeric_limits<float>::quiet_NaN();
    std::vector<TokenLogprob> top;       ///< Row::n_top_each entries.
    Finish finish = Finish::unfinished;  ///< unfinished, except on the row's last event.
};

/// Called for each event of a row, in the thread that called Stepper::step(). Returning false ends the row
/// (Finish::cancelled). It may add and cancel rows of the same Stepper; it must not call step(). Its
/// exceptions pass through step(); no row is lost by that, and later events follow with the next step().
using RowCallback = std::function<bool(const TokenEvent&)>;

struct StepperOptions {
    int n_rows = 16;  ///< Rows computed at once, [1, 256]; more wait in a queue.
    /// Further sequences of the cache, which keep prompts for later rows; n_rows + n_spare <= 256.
    int n_spare = 0;
    /// Longest row: prompt and continuation, in tokens. 0 = 2048, or the model's context when that is
    /// shorter. The caches of n_rows + n_spare sequences of this length are made at once.
    int row_tokens = 0;
    /// Prompt tokens of one decode, between two steps of the other rows: a multiple of 4, [4, 512].
    int prompt_chunk = 128;
    /// For rows with Row::want_prompt_logprobs: tokens of a prompt computed at once. Their logits are kept,
    /// n_vocab floats each. [0, 512]; 0 = as many as there are sequences.
    int prompt_outputs = 0;
};

/// Counters since the Stepper was made.
struct StepperStats {
    std::uint64_t n_prompt_token = 0;  ///< Prompt tokens of all rows started, without each prompt's last one.
    std::uint64_t n_reused_token = 0;  ///< Of these, copied from the cache.
    std::uint64_t n_stopped = 0;       ///< Decodes that a cancelled row stopped, and that were done again.
};

/// Rows on one Engine, which must outlive it. Holds key/value caches of its own, so that run() and fork() of
/// the engine may be called between steps. Not thread-safe; rows can be cancelled from other threads by a
/// flag (see add()).
class Stepper {
public:
    /// Throws usage (options out of range) and environment (not enough memory; the numbers are named).
    explicit Stepper(Engine& engine, const StepperOptions& options = {});
    ~Stepper();
    Stepper(const Stepper&) = delete;
    Stepper& operator=(const Stepper&) = delete;

    /// Queues a row, which the Stepper keeps. `on_token` may be empty. When `*cancelled` becomes true (set by
    /// any thread or a signal handler), the row ends as if by cancel(), also in the middle of a decode.
    /// Errors as Engine::run(), before anything is computed; bad_input when the row is longer than
    /// StepperOptions::row_tokens.
    RowId add(Row row, RowCallback on_token = {},
              std::shared_ptr<const std::atomic<bool>> cancelled = nullptr);

    /// Does at most one decode: a chunk of the prompts that wait, or one token for each row that is under
    /// way; where both wait, they take turns. Returns false when nothing is left to do. Throws interrupted
    /// when the engine's flag is set (Engine::cancel_with); no row has lost anything then, and step() goes
    /// on once it is reset. After any other error of the engine (incomplete, environment) the rows under way
    /// are cancelled; those in the queue stay.
    bool step();

    /// Ends a row now as Finish::cancelled; its result holds what was computed. Nothing happens to a row that
    /// is finished, taken or unknown.
    void cancel(RowId row);

    /// The result of a finished row, which the Stepper then forgets; nullopt when the row is not finished or
    /// unknown. Results that nobody takes are kept as long as the Stepper lives.
    std::optional<RowResult> take(RowId row);

    std::size_t n_queued() const noexcept;   ///< Rows that are not started.
    std::size_t n_running() const noexcept;  ///< Rows that have a sequence of the cache.
    const StepperStats& stats() const noexcept;
    const StepperOptions& options() const noexcept;  ///< With the defaults filled in.

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tiller
