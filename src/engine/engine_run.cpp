// run(): a closed set of rows, by the same scheduler that takes rows one by one (stepper.cpp).
#include <algorithm>
#include <deque>

#include "engine/engine_impl.h"
#include "engine/scheduler.h"
#include "engine/validate.h"

namespace tiller {

using namespace engine;

namespace {

// Long rows first, so that the batches of the last ones shrink from their ends; equal lengths side by side,
// so that they are computed together; equal prompts side by side, so that they share one.
std::vector<RowState*> in_order(std::deque<RowState>& states) {
    std::vector<RowState*> order;
    for (RowState& state : states) order.push_back(&state);
    std::stable_sort(order.begin(), order.end(), [](const RowState* a, const RowState* b) {
        if (a->n_step() != b->n_step()) return a->n_step() > b->n_step();
        if (a->n_prompt() != b->n_prompt()) return a->n_prompt() > b->n_prompt();
        return a->row().prompt < b->row().prompt;
    });
    return order;
}

}  // namespace

std::vector<RowResult> Engine::run(std::span<const Row> rows) {
    Impl& m = *impl_;
    validate_rows(rows, *m.model, m.sites);
    std::vector<RowResult> results(rows.size());
    if (rows.empty()) return results;
    std::deque<RowState> states;
    for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(*m.model, rows[i], results[i]);
    m.n_done = 0;
    m.n_row = rows.size();
    int longest = 0, n_cell = 0;
    for (const RowState& s : states) {
        longest = std::max(longest, s.n_prompt() + s.n_step());
        n_cell = std::max({n_cell, prefill_length(s), s.n_prompt() - 1 + s.n_step()});
    }
    m.kept_outputs =
        std::any_of(states.begin(), states.end(), [&](const RowState& s) { return m.early_outputs(s); })
            ? max_output_rows(m.model->info().n_vocab)
            : 0;
    const int n_rows =
        static_cast<int>(std::min(static_cast<std::size_t>(m.rows_in_flight(longest)), rows.size()));
    try {
        Context& c = m.context(m.streams, {padded(n_rows), n_cell, false, m.kept_outputs});
        c.clear(std::exchange(m.streams_dirty, false));
        SchedulerOptions options;
        options.n_rows = n_rows;
        options.n_start = static_cast<int>(kPrefillRows);
        options.take_turns = options.parts = false;
        options.late_logits = true;
        Scheduler scheduler(m, c, options);
        for (RowState* row : in_order(states)) scheduler.add(*row);
        while (scheduler.step())
            if (m.progress) m.progress(m.n_done, m.n_row);
        m.streams_dirty = scheduler.leaves_dirt();
        m.settle_rest();
    } catch (...) {
        m.streams.reset();  // its cache holds rows that did not end
        m.forget_waiting();
        throw;
    }
    return results;
}

}  // namespace tiller
