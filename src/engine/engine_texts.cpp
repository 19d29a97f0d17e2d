// Texts that are only read: trees of tokens, many in a batch.
#include <algorithm>

#include "core/parallel.h"
#include "engine/engine_impl.h"
#include "engine/pack.h"

namespace tiller {

using namespace engine;

// The prompts of a tree without their last tokens, each in the sequence of its first row and shared by the
// others.
void Engine::Impl::hold_prompts(Context& c, std::span<RowState* const> rows) {
    std::vector<RowState*> leaders;
    std::vector<int> held;
    const auto same = [&](std::size_t i) {
        return i > 0 && rows[i]->row().prompt == rows[i - 1]->row().prompt;
    };
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!same(i)) {
            leaders.push_back(rows[i]);
            held.push_back(static_cast<int>(i));
        }
    prefill_all(c, leaders, held);
    for (std::size_t i = 0, leader = 0; i < rows.size(); ++i)
        if (same(i))
            c.copy_sequence(static_cast<int>(leader), static_cast<int>(i));
        else
            leader = i;
}

void Engine::Impl::read_tree(Context& c, const TextTree& tree) {
    c.clear(false);
    hold_prompts(c, tree.rows);
    // Not what the cache could hold: other work may have left a larger one.
    const int n_node = static_cast<int>(tree.nodes.size()), most = tree_rows(model->info().n_vocab);
    const int n_batch = (n_node + most - 1) / most;
    const int size = round_up((n_node + n_batch - 1) / n_batch, kMatrixTile);
    std::vector<std::size_t> steps(tree.rows.size(), 0);  // done, of each row
    for (int begin = 0; begin < n_node; begin += size) {
        const int end = std::min(begin + size, n_node);
        plan.reset(model->info().n_layer);
        entries.clear();
        for (int n = begin; n < end; ++n) {
            const TreeNode& node = tree.nodes[static_cast<std::size_t>(n)];
            entries.push_back(
                {node.token, node.position, node.rows.front(), true, std::span(node.rows).subspan(1)});
        }
        // Padding: the first prompt's last token again, in sequences that no row has.
        const int pad_begin = static_cast<int>(tree.rows.size());
        const int pad_end = pad_begin + padded(end - begin) - (end - begin);
        const TreeNode& root = tree.nodes.front();
        for (int s = pad_begin; s < pad_end; ++s, ++stats.n_padding) {
            c.copy_sequence(0, s);
            c.truncate(s, root.position);
            entries.push_back({root.token, root.position, s, true, {}});
        }
        decode(c, false, true);
        for (int s = pad_begin; s < pad_end; ++s) c.truncate(s, 0);
        std::vector<std::span<const float>> logits;
        for (int n = begin; n < end; ++n) logits.push_back(c.logits(n - begin));
        parallel_for(tree.rows.size(), c.n_threads(), [&](std::size_t r) {
            const auto& path = tree.paths[r];
            for (; steps[r] < path.size() && path[steps[r]] < end; ++steps[r])
                if (!tree.rows[r]->finished())
                    tree.rows[r]->advance(logits[static_cast<std::size_t>(path[steps[r]] - begin)]);
        });
        n_done += static_cast<std::size_t>(
            std::count_if(tree.paths.begin(), tree.paths.end(),
                          [&](const auto& path) { return path.back() >= begin && path.back() < end; }));
        if (progress) progress(n_done, n_row);
    }
    for (RowState* row : tree.rows) row->finish();
}

}  // namespace tiller
