// fork(): branches of prompts in one cache, which they share.
#include <algorithm>
#include <deque>

#include "engine/engine_impl.h"
#include "engine/pack.h"
#include "engine/validate.h"

namespace tiller {

using namespace engine;

// Empties the cache and computes each prompt of the rows without its last token. Returns for every row the
// sequence that holds its prompt. Prompts get the sequences from `first_sequence` on. When that is negative,
// a prompt lies in the sequence whose number is the index of the first row that has it.
std::vector<int> Engine::Impl::hold_prompts(Context& c, std::span<RowState* const> rows, int first_sequence) {
    std::vector<RowState*> leaders;
    std::vector<int> held, holders;
    for (RowState* row : rows) {
        const auto same = [&](const RowState* l) { return l->row().prompt == row->row().prompt; };
        const auto leader = std::find_if(leaders.begin(), leaders.end(), same);
        const auto place = static_cast<std::size_t>(leader - leaders.begin());
        if (leader == leaders.end()) {
            held.push_back(first_sequence < 0 ? static_cast<int>(holders.size())
                                              : first_sequence + static_cast<int>(leaders.size()));
            leaders.push_back(row);
        }
        holders.push_back(held[place]);
    }
    c.clear(false);
    prefill_all(c, leaders, held);
    return holders;
}

// How many sequences hold only prompts, besides those of a wave: none where one wave has all rows.
static int n_apart(const Pack& pack) {
    return pack.rows.size() > static_cast<std::size_t>(pack.n_wave) ? pack.n_prompt : 0;
}

// Branches of the prompts of one pack in one cache, in waves.
void Engine::Impl::branch(Context& c, Pack& pack) {
    const auto n_wave = static_cast<std::size_t>(pack.n_wave);
    const std::vector<int> holders = hold_prompts(c, pack.rows, n_apart(pack) > 0 ? padded(pack.n_wave) : -1);
    std::vector<int> positions(static_cast<std::size_t>(c.shape().n_seq), 0);
    for (std::size_t begin = 0; begin < pack.rows.size(); begin += n_wave) {
        const auto wave = std::span(pack.rows).subspan(begin, std::min(n_wave, pack.rows.size() - begin));
        const int n_padded = padded(static_cast<int>(wave.size()));
        for (int s = 0; s < n_padded; ++s) {
            const std::size_t i = begin + std::min(static_cast<std::size_t>(s), wave.size() - 1);
            if (holders[i] != s) c.copy_sequence(holders[i], s);
            positions[static_cast<std::size_t>(s)] = pack.rows[i]->n_prompt() - 1;
        }
        steps(c, wave, positions);
        for (RowState* row : wave) row->finish();
        for (int s = 0; s < n_padded; ++s) c.truncate(s, 0);
    }
}

namespace {

// A cache that is large enough for each of them.
ContextShape shape_for(std::span<const Pack> packs, std::span<const TextTree> trees, int n_vocab) {
    ContextShape shape{0, 0, true};
    for (const Pack& pack : packs) {
        const int n_row = padded(pack.n_wave);
        shape.n_seq = std::max(shape.n_seq, n_row + n_apart(pack));
        shape.n_ctx = std::max(shape.n_ctx, pack.n_prefix + n_row * pack.rows.front()->n_step());
    }
    for (const TextTree& tree : trees) {
        shape.n_seq = std::max(shape.n_seq, tree_rows(n_vocab));
        shape.n_ctx = std::max(shape.n_ctx, tree.n_cell + kRowMultiple);
    }
    return shape;
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
    // Rows read each other's cells with weight 0, and 0 times NaN is NaN: a broken row spoils all that share
    // its cache, and what it leaves there is overwritten.
    try {
        Context& c = m.context(m.shared, shape);
        for (Pack& pack : packs) {
            m.branch(c, pack);
            if (any_broken(pack.rows)) c.clear(true);
        }
        for (const TextTree& tree : trees) {
            m.read_tree(c, tree);
            if (any_broken(tree.rows)) c.clear(true);
        }
        m.settle_rest();
    } catch (...) {
        m.shared.reset();
        m.forget_waiting();
        throw;
    }
    std::vector<const RowState*> spoilt;
    const auto look_at = [&](std::span<RowState* const> neighbours) {
        if (any_broken(neighbours)) spoilt.insert(spoilt.end(), neighbours.begin(), neighbours.end());
    };
    for (const Pack& pack : packs) look_at(pack.rows);
    for (const TextTree& tree : trees) look_at(tree.rows);
    if (spoilt.empty()) return results;
    // In run() every row has its own cells, so the truth about each is found there.
    std::vector<Row> again;
    for (const RowState* row : spoilt) again.push_back(row->row());
    auto truth = run(again);
    for (std::size_t i = 0; i < spoilt.size(); ++i)
        results[static_cast<std::size_t>(&spoilt[i]->row() - rows.data())] = std::move(truth[i]);
    return results;
}

}  // namespace tiller
