// Texts that are only read: trees of tokens, many in a batch.
#include <algorithm>

#include "engine/engine_impl.h"
#include "engine/pack.h"

namespace tiller {

using namespace engine;

void Engine::Impl::read_tree(Context& c, const TextTree& tree) {
    const std::vector<int> holders = hold_prompts(c, tree.rows, -1);
    for (int s = 0; s < static_cast<int>(holders.size()); ++s) {
        const int holder = holders[static_cast<std::size_t>(s)];
        if (holder != s) c.copy_sequence(holder, s);
    }
    // Batches must not depend on the size of the cache, which other work may have left larger.
    const int n_node = static_cast<int>(tree.nodes.size()), most = tree_rows(model->info().n_vocab);
    const int n_batch = (n_node + most - 1) / most;
    const int size = round_up((n_node + n_batch - 1) / n_batch, kMatrixTile);
    std::vector<std::size_t> steps(tree.rows.size(), 0);  // done, of each row
    for (int begin = 0; begin < n_node; begin += size) {
        const int end = std::min(begin + size, n_node);
        plan.reset(model->info().n_layer);
        plan.states = unembedding != nullptr;
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
        const auto logits = logits_of(c, end - begin);
        threads.for_each(tree.rows.size(), [&](std::size_t r) {
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
