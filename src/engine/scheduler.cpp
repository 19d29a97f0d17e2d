#include "engine/scheduler.h"

#include <algorithm>

namespace tiller::engine {
namespace {

int without_last(const RowState& row) { return row.n_prompt() - 1; }

// Is no cell that the row computed NaN? Finite logits show it, as they come from all cells, unless an edit
// replaced what another one had broken. Without edits the model's own values are taken for numbers.
bool leaves_numbers(const RowState& row) {
    if (row.broken()) return false;
    return row.row().edits.empty() || (row.proven() && !may_hide_breaks(row.row()));
}

}  // namespace

Scheduler::Scheduler(Engine::Impl& engine, Context& context, const SchedulerOptions& options)
    : engine_(&engine),
      context_(&context),
      options_(options),
      sequences_(static_cast<std::size_t>(context.shape().n_seq)) {}

std::size_t Scheduler::n_running() const {
    return static_cast<std::size_t>(std::count_if(sequences_.begin(), sequences_.end(),
                                                  [](const Sequence& s) { return s.phase != Phase::free; }));
}

bool Scheduler::takes_steps() const {
    return std::any_of(sequences_.begin(), sequences_.end(),
                       [](const Sequence& s) { return s.phase == Phase::steps; });
}

bool Scheduler::leaves_dirt() const {
    return std::any_of(sequences_.begin(), sequences_.end(), [](const Sequence& s) { return !s.clean; });
}

// Tokens that a sequence may hold so that the padding of a step still finds a position after them.
int Scheduler::reach() const {
    return std::min(context_->shape().n_ctx, engine_->model->info().n_ctx_train) - 1;
}

void Scheduler::set_position(int sequence, int position) {
    context_->truncate(sequence, position);
    at(sequence).position = position;
}

bool Scheduler::step() {
    const std::size_t n_ended = n_ended_;
    end_cancelled();
    start_rows();
    begin_prompts();
    const std::vector<PromptPart> parts = next_parts();
    const bool steps = takes_steps();
    if (parts.empty() && !steps) return n_ended_ != n_ended;
    const bool prompts = !parts.empty() && (!steps || prompts_next_ || !options_.take_turns);
    if (prompts ? compute_prompts(parts) : compute_step())
        prompts_next_ = !prompts;
    else
        ++stats_.n_stopped;
    return true;
}

void Scheduler::end(RowState& row) {
    ++n_ended_;
    row.finish();
}

void Scheduler::end_cancelled() {
    for (int s = 0; s < n_sequence(); ++s)
        if (RowState* row = at(s).row; row && row->is_cancelled()) {
            row->cancel();
            release(s);
            end(*row);
        }
    for (std::size_t i = 0; i < queue_.size();) {
        RowState& row = *queue_[i];
        if (!row.is_cancelled()) {
            ++i;
            continue;
        }
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
        row.cancel();
        end(row);
    }
}

void Scheduler::remove(RowState& row) {
    std::erase(queue_, &row);
    for (int s = 0; s < n_sequence(); ++s)
        if (at(s).row == &row) release(s);
}

std::vector<RowState*> Scheduler::abandon() {
    std::vector<RowState*> rows;
    for (Sequence& s : sequences_) {
        if (s.row) rows.push_back(s.row);
        s = {};
    }
    context_->clear(true);
    return rows;
}

void Scheduler::start_rows() {
    const auto room = static_cast<std::size_t>(options_.n_rows) - n_running();
    const auto wanted = std::min(static_cast<std::size_t>(options_.n_start), queue_.size());
    if (room < wanted && takes_steps()) return;
    for (std::size_t i = 0; i < room && !queue_.empty(); ++i) {
        RowState& row = *queue_.front();
        queue_.pop_front();
        Sequence& sequence = at(choose_sequence(find_source(row)));
        sequence.phase = Phase::prompt;
        sequence.row = &row;
        sequence.waits = true;
        sequence.target = prefix_of(row.row(), without_last(row));
        sequence.chunk = engine_->chunk_of(row, *context_, options_.chunk);
        sequence.turn = ++turn_;
        stats_.n_prompt_token += static_cast<std::uint64_t>(without_last(row));
    }
}

// How much of what two prompts share is used.
int Scheduler::usable_length(int shared, const RowState& row) const {
    return options_.parts || shared == without_last(row) ? shared : 0;
}

bool Scheduler::holds_numbers(const Sequence& from) const {
    return from.phase == Phase::free || from.waits ? from.clean : leaves_numbers(*from.row);
}

// May n tokens that `from` holds be copied for this row? What follows them in the sequence is copied along,
// and while it is masked it must be numbers: NaN times 0 is NaN. That is known once logits of the other row
// were finite. Before that, a row that needs exactly what the other computed is in no worse a place than by
// itself.
bool Scheduler::usable(const Sequence& from, const RowState& row, int n) const {
    if (holds_numbers(from)) return true;
    return from.phase == Phase::steps && from.position == n && n == without_last(row) &&
           n == without_last(*from.row);
}

Scheduler::Source Scheduler::find_source(const RowState& row) const {
    Source best;
    if (reads_early(row.row())) return best;
    for (int s = 0; s < n_sequence(); ++s) {
        const Sequence& from = at(s);
        const int most = std::min(without_last(row), from.held.size());
        if (most <= best.n_token) continue;
        const int n = usable_length(shared_length(from.held, row.row(), most), row);
        if (n > best.n_token && usable(from, row, n)) best = {s, n};
    }
    return best;
}

// Is another row about to compute more of this row's prompt than n_token tokens?
bool Scheduler::has_leader(const RowState& row, int n_token) const {
    if (reads_early(row.row())) return false;
    return std::any_of(sequences_.begin(), sequences_.end(), [&](const Sequence& from) {
        if (!from.row || from.row == &row || from.waits || from.target.size() <= n_token) return false;
        const int n = shared_length(from.target, row.row(), without_last(row));
        return usable_length(n, row) > n_token;
    });
}

// The sequences of one batch are neighbours, so the best sequence is the one that keeps batches small. Among
// equal ones it is the one that has the prompt, then a clean one, then the one that was unused for longest.
int Scheduler::choose_sequence(const Source& source) const {
    int first = n_sequence(), last = -1, best = -1;
    for (int s = 0; s < n_sequence(); ++s)
        if (at(s).phase != Phase::free) {
            first = std::min(first, s);
            last = s;
        }
    // Rows of a step's batch when sequence s takes part, too.
    const auto window = [&](int s) { return padded(std::max(last, s) - std::min(first, s) + 1); };
    const auto better = [&](int a, int b) {
        if (const int x = window(a), y = window(b); x != y) return x < y;
        if ((a == source.sequence) != (b == source.sequence)) return a == source.sequence;
        if (at(a).clean != at(b).clean) return at(a).clean;
        if (options_.parts && at(a).turn != at(b).turn) return at(a).turn < at(b).turn;
        return a < b;
    };
    for (int s = 0; s < n_sequence(); ++s)
        if (at(s).phase == Phase::free && (best < 0 || better(s, best))) best = s;
    return best;
}

void Scheduler::begin_prompts() {
    for (int s = 0; s < n_sequence(); ++s) {
        Sequence& to = at(s);
        if (!to.waits) continue;
        RowState& row = *to.row;
        const Source source = find_source(row);
        if (has_leader(row, source.n_token)) continue;
        if (source.n_token > 0 && source.sequence != s)
            context_->copy_sequence(source.sequence, s);
        else if (source.n_token == 0 && !make_clean(s))
            continue;
        to.waits = false;
        to.clean = true;
        stats_.n_reused_token += static_cast<std::uint64_t>(source.n_token);
        row.reuse(source.n_token);
        to.held = prefix_of(row.row(), source.n_token);
        set_position(s, source.n_token);
        if (to.position == without_last(row)) to.phase = Phase::steps;
    }
}

// Makes all cells of a sequence numbers. A copy covers all cells, so that of any clean sequence does. False
// when there is none and other rows still need theirs.
bool Scheduler::make_clean(int sequence) {
    if (at(sequence).clean) return true;
    for (int s = 0; s < n_sequence(); ++s)
        if (s != sequence && holds_numbers(at(s))) {
            context_->copy_sequence(s, sequence);
            return true;
        }
    for (const Sequence& s : sequences_)
        if (s.row && !s.waits) return false;
    for (Sequence& s : sequences_) {
        s.clean = true;
        s.held = {};
        s.position = 0;
    }
    context_->clear(true);
    return true;
}

// What the next decode computes of prompts: that of the row which came first, with neighbours, all padded to
// the longest of them. Padding may be a quarter of the tokens: less time than another decode takes.
std::vector<PromptPart> Scheduler::next_parts() const {
    int first = -1;
    for (int s = 0; s < n_sequence(); ++s)
        if (at(s).phase == Phase::prompt && !at(s).waits && (first < 0 || at(s).turn < at(first).turn))
            first = s;
    if (first < 0) return {};
    const auto left = [&](int s) {
        return std::min(padded(without_last(*at(s).row) - at(s).position), at(s).chunk);
    };
    std::vector<PromptPart> parts;
    int longest = 0, needed = 0, behind = 0;  // behind: the furthest position of one of them
    for (int s = first; s < n_sequence() && parts.size() < kPrefillRows; ++s) {
        const Sequence& next = at(s);
        if (next.phase != Phase::prompt || next.waits || next.chunk != at(first).chunk) break;
        const int n = std::max(longest, left(s)), n_all = n * (static_cast<int>(parts.size()) + 1);
        if (s > first && (n_all > next.chunk || 4 * (needed + left(s)) < 3 * n_all ||
                          std::max(behind, next.position) + n > reach()))
            break;
        longest = n;
        needed += left(s);
        behind = std::max(behind, next.position);
        parts.push_back({next.row, s, next.position, 0});
    }
    for (PromptPart& part : parts) part.end = part.begin + longest;
    return parts;
}

bool Scheduler::compute_prompts(const std::vector<PromptPart>& parts) {
    if (!engine_->compute_prompts(*context_, parts)) return false;
    for (const PromptPart& part : parts) {
        Sequence& sequence = at(part.sequence);
        const int n = without_last(*part.row);
        set_position(part.sequence, std::min(part.end, n));
        sequence.held = prefix_of(part.row->row(), sequence.position);
        if (sequence.position == n) sequence.phase = Phase::steps;
    }
    return true;
}

bool Scheduler::compute_step() {
    int first = n_sequence(), last = -1;
    for (int s = 0; s < n_sequence(); ++s)
        if (at(s).phase == Phase::steps) {
            first = std::min(first, s);
            last = s;
        }
    const int n = padded(last - first + 1);
    first = std::min(first, n_sequence() - n);
    std::vector<RowState*> rows;
    std::vector<int> positions;
    for (int s = first; s < first + n; ++s) {
        rows.push_back(at(s).phase == Phase::steps ? at(s).row : nullptr);
        positions.push_back(at(s).position);
    }
    if (!engine_->step_rows(*context_, first, rows, positions)) return false;
    if (!options_.late_logits) engine_->settle(true);
    for (int s = first; s < first + n; ++s) {
        RowState* row = rows[static_cast<std::size_t>(s - first)];
        at(s).position = positions[static_cast<std::size_t>(s - first)];
        if (!row || !row->finished()) continue;
        end(*row);  // captures that are not numbers make it broken, so before
        release(s);
    }
    return true;
}

// The row goes; what it computed of its prompt stays for others.
void Scheduler::release(int sequence) {
    Sequence& s = at(sequence);
    if (!s.waits) s.clean = leaves_numbers(*s.row);
    s.row = nullptr;
    s.waits = false;
    s.phase = Phase::free;
    s.target = {};
    s.held.cut(s.clean ? reach() : 0);
    set_position(sequence, s.held.size());
}

}  // namespace tiller::engine
