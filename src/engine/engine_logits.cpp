// From the outputs of a batch to logits, and from logits to what rows want to know.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "engine/engine_impl.h"

namespace tiller {

using namespace engine;

// Computes logits outside of the engine's graph where that gives the same bits on this model and this
// machine, and saves the engine's copy of them.
void Engine::Impl::choose_logits(Context& probe) {
    auto found = Unembedding::make(probe.hook().logits_node(), threads);
    if (!found) return;
    const auto decode_as = [&](bool as_states) {
        probe.clear(true);
        entries.clear();
        for (int i = 0; i < kRowMultiple; ++i)
            entries.push_back({std::min(5 + i, model->info().n_vocab - 1), i, 0, true});
        plan.reset(model->info().n_layer);
        plan.states = as_states;
        probe.decode(entries, plan);
    };
    decode_as(false);
    std::vector<std::vector<float>> expected;
    for (int i = 0; i < kRowMultiple; ++i) {
        const auto logits = probe.logits(i);
        expected.emplace_back(logits.begin(), logits.end());
    }
    decode_as(true);
    if (probe.keeps_logits()) return;
    unembedding = std::move(found);
    const auto logits = logits_of(probe, kRowMultiple);
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (std::memcmp(logits[i].data(), expected[i].data(), logits[i].size_bytes()) != 0)
            return unembedding.reset();
}

// The shape, with the rows of logits that this engine computes itself.
ContextShape Engine::Impl::with_logits(ContextShape shape) const {
    const int most = unembedding_rows(model->info().n_vocab);
    if (unembedding) shape.own_logits = shape.shared ? most : std::min(most, padded(shape.outputs()));
    return shape;
}

// Logits of states [n][n_embd], which the next product overwrites.
std::vector<std::span<const float>> Engine::Impl::multiply(std::span<const float> values) {
    const auto begin = std::chrono::steady_clock::now();
    unembedding->multiply(values);
    stats.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::vector<std::span<const float>> logits;
    for (std::size_t i = 0; i < values.size() / static_cast<std::size_t>(model->info().n_embd); ++i)
        logits.push_back(unembedding->logits(i));
    return logits;
}

// Logits of the first n entries of the last decode.
std::vector<std::span<const float>> Engine::Impl::logits_of(const Context& c, int n) {
    std::vector<std::span<const float>> logits;
    std::vector<float> values;
    for (int i = 0; i < n; ++i) {
        if (!unembedding) {
            logits.push_back(c.logits(i));
            continue;
        }
        const auto state = c.state(i);
        values.insert(values.end(), state.begin(), state.end());
    }
    return unembedding ? multiply(values) : logits;
}

// Gives rows their logits. A pass over a large vocabulary costs as much as a part of the model, so rows are
// handled in parallel.
void Engine::Impl::hand_out(std::span<RowState* const> rows, std::span<const std::span<const float>> logits) {
    threads.for_each(rows.size(), [&](std::size_t i) { rows[i]->advance(logits[i]); });
    n_done += static_cast<std::size_t>(
        std::count_if(rows.begin(), rows.end(), [](const RowState* row) { return row->finished(); }));
}

// Computes the logits of waiting rows: of all, or of as many as fill a product.
void Engine::Impl::settle(bool all) {
    if (waiting.empty()) return;
    const auto most = static_cast<std::size_t>(unembedding_rows(model->info().n_vocab));
    const auto width = static_cast<std::size_t>(model->info().n_embd);
    std::size_t begin = 0;
    while (begin < waiting.size() && (all || waiting.size() - begin >= most)) {
        const std::size_t n = std::min(most, waiting.size() - begin);
        hand_out(std::span(waiting).subspan(begin, n),
                 multiply(std::span(states).subspan(begin * width, n * width)));
        begin += n;
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(begin));
    states.erase(states.begin(), states.begin() + static_cast<std::ptrdiff_t>(begin * width));
}

// At the end of run() or fork().
void Engine::Impl::settle_rest() {
    if (waiting.empty()) return;
    settle(true);
    if (progress) progress(n_done, n_row);
}

void Engine::Impl::forget_waiting() {
    waiting.clear();
    states.clear();
}

void Engine::Impl::read_prompts(const Context& c, std::span<const PromptPart> parts) {
    struct Place {
        RowState* row;
        int position, entry;
    };
    std::vector<Place> places;
    int entry = 0;
    for (const PromptPart& part : parts)
        for (int p = part.begin; p < part.end; ++p, ++entry)
            if (part.row->row().want_prompt_logprobs && p < part.row->n_prompt() - 1)
                places.push_back({part.row, p, entry});
    const auto most = static_cast<std::size_t>(unembedding ? unembedding_rows(model->info().n_vocab) : 1);
    std::vector<float> values;
    for (std::size_t begin = 0; begin < places.size(); begin += most) {
        const auto some = std::span(places).subspan(begin, std::min(most, places.size() - begin));
        if (!unembedding) {
            some[0].row->read_prompt(some[0].position, c.logits(some[0].entry));
            continue;
        }
        values.clear();
        for (const Place& place : some) {
            const auto state = c.state(place.entry);
            values.insert(values.end(), state.begin(), state.end());
            // Finite ones prove nothing yet: later tokens of the prompt are to come.
            if (!std::all_of(state.begin(), state.end(), [](float v) { return std::isfinite(v); }))
                place.row->saw_state(false);
        }
        const auto logits = multiply(values);
        for (std::size_t i = 0; i < some.size(); ++i) some[i].row->read_prompt(some[i].position, logits[i]);
    }
}

// Advances each unfinished row by one token; entry s of the last decode is that of rows[s].
void Engine::Impl::advance(const Context& c, std::span<RowState* const> rows) {
    std::vector<RowState*> live;
    std::vector<std::span<const float>> logits;
    bool now = false;
    for (std::size_t s = 0; s < rows.size(); ++s) {
        RowState* row = rows[s];
        if (!row || row->finished()) continue;
        if (!row->needs_logits()) {
            row->advance();
            n_done += row->finished();
        } else if (!unembedding) {
            live.push_back(row);
            logits.push_back(c.logits(static_cast<int>(s)));
        } else {
            const auto state = c.state(static_cast<int>(s));
            waiting.push_back(row);
            states.insert(states.end(), state.begin(), state.end());
            if (!row->goes_on()) row->wait();
            // What a broken row leaves in its cells must be known before the next batch.
            const bool finite =
                std::all_of(state.begin(), state.end(), [](float v) { return std::isfinite(v); });
            row->saw_state(finite);
            now = now || row->goes_on() || !finite;
        }
    }
    hand_out(live, logits);
    settle(now);
}

}  // namespace tiller
