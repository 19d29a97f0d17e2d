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

}  // namespace

RowState::RowState(const Model& model, const Row& row, RowResult& result)
    : model_(&model), row_(&row), result_(&result), sampler_(row.sampling), next_token_(row.prompt.back()) {
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
            state.sums.assign(static_cast<std::size_t>((state.layer_end - state.layer_begin) * state.width),
                              0.0);
        captures_.push_back(std::move(state));
    }
}

bool RowState::capture_needs_output(const SiteMap& sites, int position) const {
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

void RowState::accept(Token token) {
    if (model_->is_end_of_generation(token)) {
        result_->ended = finished_ = true;
        return;
    }
    result_->generated.push_back(token);
    if (!row_->stop.empty()) {
        const std::string text = model_->text(result_->generated);
        const auto begin = text.find_first_not_of(" \t\r\n");
        if (begin != std::string::npos && text.find(row_->stop, begin) != std::string::npos) {
            result_->ended = finished_ = true;
            return;
        }
    }
    next_token_ = token;
}

void RowState::advance(std::span<const float> logits) {
    const int step = step_++;
    const Peak best = find_peak(logits);
    if (!std::isfinite(best.value)) {
        result_->broken = finished_ = true;
        if (step == 0) {
            result_->watch_logprob.assign(row_->watch.size(), kImpossible);
            result_->watch_rank.assign(row_->watch.size(), static_cast<int>(logits.size()));
        }
        result_->forced_logprob.resize(row_->forced.size(), kImpossible);
        return;
    }
    if (step == 0) first_distribution(logits, best.value);
    const auto i = static_cast<std::size_t>(step);
    if (i < row_->forced.size()) {
        const double logprob = static_cast<double>(logits[static_cast<std::size_t>(row_->forced[i])]) -
                               log_sum_exp(logits, best.value);
        result_->forced_logprob.push_back(static_cast<float>(logprob));
        next_token_ = row_->forced[i];
    } else if (step < row_->max_new_tokens) {
        accept(sampler_.draw(logits, best));
    }
    if (step_ >= n_step_) finished_ = true;
}

void RowState::advance() {
    if (++step_ >= n_step_) finished_ = true;
}

void RowState::finish() {
    result_->text = model_->text(result_->generated);
    // Sampled tokens may end early, and the one that ends a row is not computed; all others are owed.
    const int n_sure = n_prompt() + (broken() ? 0 : static_cast<int>(row_->forced.size()));
    for (std::size_t c = 0; c < captures_.size(); ++c) {
        const Capture& capture = row_->captures[c];
        CaptureState& state = captures_[c];
        const int expected = count_positions(capture, n_prompt(), n_sure);
        if (state.n_seen < expected)
            throw Error(Code::incomplete,
                        fmt::format("a capture of {} read {} of {} positions of a prompt of {} tokens",
                                    site_name(capture.site), state.n_seen, expected, n_prompt()));
        Captured out;
        out.n_layer = state.layer_end - state.layer_begin;
        out.width = state.width;
        out.n_position = capture.mean ? std::min(state.n_seen, 1) : state.n_seen;
        const auto width = static_cast<std::size_t>(state.width);
        if (capture.mean && state.n_seen > 0) {
            for (double sum : state.sums) out.values.push_back(static_cast<float>(sum / state.n_seen));
        } else if (!capture.mean) {
            for (std::size_t l = 0; l < static_cast<std::size_t>(out.n_layer); ++l)
                for (const auto& block : state.blocks)
                    out.values.insert(out.values.end(),
                                      block.begin() + static_cast<std::ptrdiff_t>(l * width),
                                      block.begin() + static_cast<std::ptrdiff_t>((l + 1) * width));
        }
        const bool finite =
            std::all_of(out.values.begin(), out.values.end(), [](float v) { return std::isfinite(v); });
        result_->broken = result_->broken || !finite;
        result_->captured.push_back(std::move(out));
    }
}

bool any_broken(std::span<RowState* const> rows) {
    return std::any_of(rows.begin(), rows.end(), [](const RowState* row) { return row->broken(); });
}

int prefill_length(const RowState& row) { return padded(row.n_prompt() - 1); }

}  // namespace tiller::engine
