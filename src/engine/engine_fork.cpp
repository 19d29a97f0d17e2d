// fork(): branches of prompts in one cache, which they share.
#include <algorithm>
#include <deque>

#include "engine/engine_impl.h"
#include "engine/pack.h"
#include "engine/validate.h"

namespace tiller {

using namespace engine;

// Branches of the prompts of one pack in one cache; waves of max_wave() branches. `rows` are
// ordered by their steps, most first; those of several prompts fit into one wave.
void Engine::Impl::branch(Context& c, std::span<RowState*> rows) {
    std::vector<RowState*> leaders;
    std::vector<int> held;                     // the sequence of each leader's prefix: that of its own row
    std::vector<std::size_t> of(rows.size());  // which leader's
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto same = [&](const RowState* l) { return l->row().prompt == rows[i]->row().prompt; };
        of[i] =
            static_cast<std::size_t>(std::find_if(leaders.begin(), leaders.end(), same) - leaders.begin());
        if (of[i] < leaders.size()) continue;
        leaders.push_back(rows[i]);
        held.push_back(static_cast<int>(i));
    }
    c.clear(false);
    prefill_all(c, leaders, held);
    const auto n_seq = static_cast<std::size_t>(c.shape().n_seq);
    const auto n_wave = static_cast<std::size_t>(max_wave(model->info().n_vocab));
    std::vector<int> positions(n_seq, 0);
    for (std::size_t begin = 0; begin < rows.size(); begin += n_wave) {
        const auto wave = rows.subspan(begin, std::min(n_wave, rows.size() - begin));
        const int n_padded = padded(static_cast<int>(wave.size()));
        for (int s = 0; s < n_padded; ++s) {
            const std::size_t i = begin + std::min(static_cast<std::size_t>(s), wave.size() - 1);
            if (held[of[i]] != s) c.copy_sequence(held[of[i]], s);
            positions[static_cast<std::size_t>(s)] = rows[i]->n_prompt() - 1;
        }
        steps(c, wave, positions);
        for (RowState* row : wave) row->finish();
        for (int s = 0; s < n_padded; ++s) {
            const auto leader = std::find(held.begin(), held.end(), s) - held.begin();
            const bool holds = static_cast<std::size_t>(leader) < held.size();
            c.truncate(s, holds ? leaders[static_cast<std::size_t>(leader)]->n_prompt() - 1 : 0);
        }
    }
}

namespace {

// A cache for the largest of them.
ContextShape shape_for(std::span<const Pack> packs, std::span<const TextTree> trees, int n_vocab) {
    const int most = max_wave(n_vocab);
    ContextShape shape{0, 0, true};
    for (const Pack& pack : packs) {
        const int n_seq = std::min(most, padded(static_cast<int>(pack.rows.size())));
        shape.n_seq = std::max(shape.n_seq, n_seq);
        shape.n_ctx = std::max(shape.n_ctx, pack.n_prefix + n_seq * pack.rows.front()->n_step());
    }
    for (const TextTree& tree : trees) {
        shape.n_seq = std::max(shape.n_seq, tree_rows(n_vocab));
        shape.n_ctx = std::max(shape.n_ctx, tree.n_cell + kRowMultiple);
    }
    return shape;
}

bool any_broken(std::span<RowState* const> rows) {
    return std::any_of(rows.begin(), rows.end(), [](const RowState* row) { return row->broken(); });
}

}  // namespace

std::vector<RowResult> Engine::fork(std::span<const Row> rows) {
    Impl& m = *impl_;
    if (rows.empty()) return {};
    validate_rows(rows, *m.model, m.sites);
    validate_fork(rows);
    std::vector<RowResult> results(rows.size());
    std::deque<RowState> states;
    for (std::size_t i = 0; i < rows.size(); ++i) states.emplace_back(*m.model, rows[i], results[i]);
    m.n_done = 0;
    m.n_row = rows.size();
    std::vector<RowState*> branches, texts;
    for (RowState& state : states) (only_reads(state.row()) ? texts : branches).push_back(&state);
    const int n_vocab = m.model->info().n_vocab;
    std::vector<Pack> packs = make_packs(branches, max_wave(n_vocab));
    const std::vector<TextTree> trees = make_trees(texts, tree_rows(n_vocab) - kRowMultiple);
    const ContextShape shape = shape_for(packs, trees, n_vocab);
    std::vector<std::span<RowState* const>> together;  // rows that read each other's cells
    for (const Pack& pack : packs) together.emplace_back(pack.rows);
    for (const TextTree& tree : trees) together.emplace_back(tree.rows);
    // What a broken row leaves in its cells is masked, but NaN times 0 is NaN, so it is overwritten.
    try {
        Context& c = m.context(m.shared, shape);
        for (Pack& pack : packs) {
            m.branch(c, pack.rows);
            if (any_broken(pack.rows)) c.clear(true);
        }
        for (const TextTree& tree : trees) {
            m.read_tree(c, tree);
            if (any_broken(tree.rows)) c.clear(true);
        }
    } catch (...) {
        m.shared.reset();
        throw;
    }
    // Branches read each other's cells with weight 0, and 0 times NaN is NaN: one broken branch spoils all of
    // its pack. In run() every row has its own cells, so the truth about each is found there.
    for (const auto& neighbours : together) {
        if (!any_broken(neighbours)) continue;
        std::vector<std::size_t> places;
        std::vector<Row> again;
        for (const RowState* row : neighbours) {
            places.push_back(static_cast<std::size_t>(&row->row() - rows.data()));
            again.push_back(row->row());
        }
        auto truth = run(again);
        for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(truth[i]);
    }
    return results;
}

}  // namespace tiller
