// run(): rows in waves, a stream of cells for each.
#include <algorithm>
#include <deque>
#include <string>

#include "engine/engine_impl.h"
#include "engine/prefix.h"
#include "engine/validate.h"

namespace tiller {

using namespace engine;

// Rows in flight together, one stream each. `rows` is ordered so that rows with equal prompt lengths are
// neighbours.
void Engine::Impl::wave(std::span<RowState*> rows) {
    // Leaders compute their prefix; followers copy it from a leader that is the same up to there.
    std::vector<int> leader(rows.size(), -1);
    std::vector<std::string> keys(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (captures_early(rows[i]->row()) || rows[i]->n_prompt() < 2) continue;
        keys[i] = prefix_key(rows[i]->row());
        for (std::size_t j = 0; j < i && leader[i] < 0; ++j)
            if (keys[j] == keys[i]) leader[i] = leader[j] >= 0 ? leader[j] : static_cast<int>(j);
    }
    int longest = 0;
    for (const RowState* row : rows)
        longest = std::max({longest, prefill_length(*row), row->n_prompt() - 1 + row->n_step()});
    // As many streams as memory allows, so that later waves can use the same context.
    ContextShape shape{padded(std::min(options.max_rows, static_cast<int>(std::max(rows.size(), n_row)))),
                       longest, false, kept_outputs};
    Context& c = context(streams, shape);

    std::vector<RowState*> leaders;
    std::vector<int> sequences;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (leader[i] < 0) {
            leaders.push_back(rows[i]);
            sequences.push_back(static_cast<int>(i));
        }
    prefill_all(c, leaders, sequences);
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (leader[i] >= 0) c.copy_sequence(leader[i], static_cast<int>(i));
    std::vector<int> positions(static_cast<std::size_t>(c.shape().n_seq), 0);
    for (std::size_t i = 0; i < rows.size(); ++i) positions[i] = rows[i]->n_prompt() - 1;
    steps(c, rows, positions);
    for (RowState* row : rows) row->finish();
    // Stale cells are masked, but NaN times 0 is NaN: what a broken row leaves behind is overwritten.
    c.clear(any_broken(rows));
}

std::vector<RowResult> Engine::run(std::span<const Row> rows) {
    Impl& m = *impl_;
    validate_rows(rows, *m.model, m.sites);
    std::vector<RowResult> results(rows.size());
    std::deque<RowState> states;
    for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(*m.model, rows[i], results[i]);
    // Long rows first, so that a wave shrinks from its end; equal lengths together, so that they share
    // batches; equal prompts together, so that they share a prefix.
    std::vector<RowState*> order;
    for (auto& s : states) order.push_back(&s);
    std::stable_sort(order.begin(), order.end(), [](const RowState* a, const RowState* b) {
        if (a->n_step() != b->n_step()) return a->n_step() > b->n_step();
        if (a->n_prompt() != b->n_prompt()) return a->n_prompt() > b->n_prompt();
        return a->row().prompt < b->row().prompt;
    });
    m.n_done = 0;
    m.n_row = rows.size();
    int longest = 0;
    for (const auto& s : states) longest = std::max(longest, s.n_prompt() + s.n_step());
    m.kept_outputs =
        std::any_of(states.begin(), states.end(), [&](const RowState& s) { return m.early_outputs(s); })
            ? max_output_rows(m.model->info().n_vocab)
            : 0;
    const int in_flight = m.rows_in_flight(longest);
    const int saved = m.options.max_rows;
    m.options.max_rows = in_flight;
    try {
        for (std::size_t i = 0; i < order.size(); i += static_cast<std::size_t>(in_flight))
            m.wave(std::span(order).subspan(
                i, std::min<std::size_t>(static_cast<std::size_t>(in_flight), order.size() - i)));
        m.settle_rest();
    } catch (...) {
        m.options.max_rows = saved;
        m.streams.reset();  // its cache holds half a wave
        m.forget_waiting();
        throw;
    }
    m.options.max_rows = saved;
    return results;
}

}  // namespace tiller
