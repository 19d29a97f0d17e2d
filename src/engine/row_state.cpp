#include "engine/row_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/context.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

int n_new(const Row& row) {
    return row.forced.empty() ? row.max_new_tokens : static_cast<int>(row.forced.size());
}

// Positions in [0, n_position) that a capture chooses.
int count_positions(const Capture& capture, int n_prompt, int n_position) {
    int n = 0;
    for (int p = 0; p < n_position; ++p) n += capture.positions.contains(p, n_prompt);
    return n;
}

// No model gives every token the same probability to the last bit: this is what is left of a state that was
// not a number (RowState::saw_state()).
bool all_equal(std::span<const float> logits) {
    if (logits.size() < 2 || logits.front() != logits.back()) return false;
    return std::all_of(logits.begin(), logits.end(), [&](float v) { return v == logits.front(); });
}

Captured gather(const CaptureState& state, bool mean) {
    Captured out;
    out.n_layer = state.layer_end - state.layer_begin;
    out.width = state.width;
    out.n_position = mean ? std::min(state.n_seen, 1) : state.n_seen;
    const auto width = static_cast<std::size_t>(state.width);
    if (mean && state.n_seen > 0) {
        for (double sum : state.sums) out.values.push_back(static_cast<float>(sum / state.n_seen));
    } else if (!mean) {
        for (std::size_t l = 0; l < static_cast<std::size_t>(out.n_layer); ++l)
            for (const auto& block : state.blocks)
                out.values.insert(out.values.end(), block.begin() + static_cast<std::ptrdiff_t>(l * width),
                                  block.begin() + static_cast<std::ptrdiff_t>((l + 1) * width));
    }
    return out;
}

}  // namespace

RowState::RowState(const Model& model, const Row& row, RowResult& result)
    : model_(&model),
      row_(&row),
      result_(&result),
      sampler_(row.sampling, row.prompt),
      text_(model, row.stop, row.stop_in_blanks),
      next_token_(row.prompt.back()) {
    // The last new token is only computed when somebody reads its activations.
    const int n_position = n_prompt() + n_new(row);
    bool reads_last = false;
    for (const Capture& capture : row.captures)
        reads_last = reads_last || capture.positions.contains(n_position - 1, n_prompt());
    if (n_new(row) > 0) n_step_ = n_new(row) + reads_last;
    for (const Capture& capture : row.captures) {
        CaptureState state;
        state.layer_begin = capture.layer_begin;
        state.layer_end = capture.layer_end < 0 ? model.info().n_layer : capture.layer_end;
        state.width = site_width(model.info(), capture.site, state.layer_begin);
        if (capture.mean)
            state.sums.assign(static_cast<std::size_t>(state.layer_end - state.layer_begin) *
                                  static_cast<std::size_t>(state.width),
                              0.0);
        captures_.push_back(std::move(state));
    }
}

bool RowState::needs_output(const SiteMap& sites, int position) const {
    if (row_->want_prompt_logprobs) return true;
    for (std::size_t c = 0; c < captures_.size(); ++c) {
        const Capture& capture = row_->captures[c];
        if (!capture.positions.contains(position, n_prompt())) continue;
        for (int il = captures_[c].layer_begin; il < captures_[c].layer_end; ++il)
            if (sites.at(capture.site, il).reduced) return true;
    }
    return false;
}

void RowState::plan(DecodePlan& plan, int index, int position) {
    if (finished_) return;
    for (std::size_t c = 0; c < captures_.size(); ++c) {
        const Capture& capture = row_->captures[c];
        CaptureState& state = captures_[c];
        if (!capture.positions.contains(position, n_prompt())) continue;
        const auto width = static_cast<std::size_t>(state.width);
        const auto n_layer = static_cast<std::size_t>(state.layer_end - state.layer_begin);
        if (!capture.mean) state.blocks.emplace_back(n_layer * width);
        for (std::size_t l = 0; l < n_layer; ++l) {
            Action action{index, nullptr, nullptr, nullptr};
            if (capture.mean)
                action.sum = state.sums.data() + l * width;
            else
                action.target = state.blocks.back().data() + l * width;
            plan.add(capture.site, state.layer_begin + static_cast<int>(l), action);
        }
        ++state.n_seen;
    }
    for (const Edit& edit : row_->edits)
        if (edit.positions.contains(position, n_prompt()))
            plan.add(edit.site, edit.layer, {index, &edit, nullptr, nullptr});
}

void RowState::first_distribution(std::span<const float> logits, float largest) {
    const Row& row = *row_;
    RowResult& result = *result_;
    if (row.want_logits) result.logits.assign(logits.begin(), logits.end());
    if (row.n_top > 0) result.top = top_tokens(logits, largest, row.n_top);
    if (row.watch.empty()) return;
    const double lse = log_sum_exp(logits, largest);
    for (Token token : row.watch) {
        result.watch_logprob.push_back(
            static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(token)]) - lse));
        result.watch_rank.push_back(rank_of(logits, token));
    }
}

void RowState::read_prompt(int position, std::span<const float> logits) {
    if (!row_->want_prompt_logprobs) return;
    const Peak best = find_peak(logits);
    if (!std::isfinite(best.value) || all_equal(logits)) {
        // The row goes on to its first step, which says that it is broken.
        not_finite_ = true;
        result_->prompt_logprob.push_back(kImpossible);
        if (row_->n_top_each > 0) result_->prompt_top.emplace_back();
        return;
    }
    const Token next = row_->prompt[static_cast<std::size_t>(position) + 1];
    result_->prompt_logprob.push_back(static_cast<float>(
        static_cast<double>(logits[static_cast<std::size_t>(next)]) - log_sum_exp(logits, best.value)));
    if (row_->n_top_each > 0) result_->prompt_top.push_back(top_tokens(logits, best.value, row_->n_top_each));
}

// The event of a token that follows these logits.
TokenEvent RowState::read_token(Token token, std::span<const float> logits, float largest) {
    const bool forced = !row_->forced.empty();
    TokenEvent event;
    event.token = token;
    // A sum over the vocabulary, which a stream of text does not need.
    if (forced || row_->want_logprobs || row_->n_top_each > 0)
        event.logprob = static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(token)]) -
                                           log_sum_exp(logits, largest));
    if (row_->n_top_each > 0) event.top = top_tokens(logits, largest, row_->n_top_each);
    return event;
}

void RowState::tell(TokenEvent event) {
    if (keeps_events_) events_.push_back(std::move(event));
}

void RowState::end(Finish finish) {
    finished_ = true;
    // A capture may have shown that the row is broken before its logits do, which may come late.
    result_->finish = result_->broken ? Finish::broken : finish;
    result_->ended = finish == Finish::end_token || finish == Finish::stop_text;
    if (!keeps_events_) return;
    // The row's last event says why it ended: the event of its last token if that is not taken yet, else one
    // without a token.
    if (events_.empty()) events_.emplace_back();
    events_.back().text += text_.rest();
    events_.back().finish = result_->finish;
}

void RowState::accept(TokenEvent event) {
    const Token token = event.token;
    if (model_->is_end_of_generation(token)) {
        tell(std::move(event));
        return end(Finish::end_token);
    }
    result_->generated.push_back(token);
    if (row_->want_logprobs) result_->generated_logprob.push_back(event.logprob);
    if (row_->n_top_each > 0) result_->top_each.push_back(event.top);
    if (keeps_events_ || !row_->stop.empty()) event.text = text_.add(token);
    tell(std::move(event));
    if (text_.stopped()) return end(Finish::stop_text);
    next_token_ = token;
}

void RowState::advance(std::span<const float> logits) {
    const int step = step_++;
    const Peak best = find_peak(logits);
    if (not_finite_ || !std::isfinite(best.value) || all_equal(logits)) {
        result_->broken = true;
        if (step == 0) {
            result_->watch_logprob.assign(row_->watch.size(), kImpossible);
            result_->watch_rank.assign(row_->watch.size(), static_cast<int>(logits.size()));
        }
        result_->forced_logprob.resize(row_->forced.size(), kImpossible);
        return end(Finish::broken);
    }
    proven_ = true;
    if (step == 0) first_distribution(logits, best.value);
    const auto i = static_cast<std::size_t>(step);
    if (i < row_->forced.size()) {
        TokenEvent event = read_token(row_->forced[i], logits, best.value);
        result_->forced_logprob.push_back(event.logprob);
        if (row_->n_top_each > 0) result_->top_each.push_back(event.top);
        if (keeps_events_) event.text = text_.add(event.token);
        next_token_ = event.token;
        tell(std::move(event));
    } else if (step < row_->max_new_tokens) {
        accept(read_token(sampler_.draw(logits, best), logits, best.value));
        if (result_->ended) return;
    }
    if (step_ >= n_step_) end(Finish::length);
}

void RowState::advance() {
    if (not_finite_ && row_->want_prompt_logprobs) {
        result_->broken = true;
        return end(Finish::broken);
    }
    if (++step_ >= n_step_) end(Finish::length);
}

void RowState::cancel() {
    if (!finished_) end(Finish::cancelled);
}

void RowState::mark() {
    for (CaptureState& state : captures_) {
        state.n_seen_before = state.n_seen;
        state.sums_before = state.sums;
    }
}

void RowState::roll_back() {
    for (CaptureState& state : captures_) {
        state.n_seen = state.n_seen_before;
        if (state.sums.empty()) state.blocks.resize(static_cast<std::size_t>(state.n_seen));
        state.sums = state.sums_before;
    }
}

void RowState::finish() {
    if (std::exchange(gathered_, true)) return;
    result_->text = model_->text(result_->generated);
    result_->stop_at = text_.stop_at();
    // Sampled tokens may end early, and the one that ends a row is not computed. All other positions must
    // have been read, unless the row was cancelled.
    const bool whole = result_->finish != Finish::cancelled;
    const int n_sure = n_prompt() + (broken() ? 0 : static_cast<int>(row_->forced.size()));
    for (std::size_t c = 0; c < captures_.size(); ++c) {
        const Capture& capture = row_->captures[c];
        const CaptureState& state = captures_[c];
        const int expected = count_positions(capture, n_prompt(), n_sure);
        if (whole && state.n_seen < expected)
            throw Error(Code::incomplete,
                        fmt::format("a capture of {} read {} of {} positions of a prompt of {} tokens",
                                    site_name(capture.site), state.n_seen, expected, n_prompt()));
        result_->captured.push_back(gather(state, capture.mean));
        const auto& values = result_->captured.back().values;
        if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
            result_->broken = true;
            if (whole) result_->finish = Finish::broken;
        }
    }
}

bool any_broken(std::span<RowState* const> rows) {
    return std::any_of(rows.begin(), rows.end(), [](const RowState* row) { return row->broken(); });
}

int prefill_length(const RowState& row) { return padded(row.n_prompt() - 1); }

}  // namespace tiller::engine
