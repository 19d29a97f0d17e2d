#include "engine/text_tree.h"

#include <algorithm>
#include <tuple>

#include "engine/pack.h"

namespace tiller::engine {
namespace {

Token token_of(const Row& row, int step) {
    return step == 0 ? row.prompt.back() : row.forced[static_cast<std::size_t>(step) - 1];
}

// Steps that both rows begin with; none when their prompts differ.
int common_steps(const RowState& a, const RowState& b) {
    if (a.row().prompt != b.row().prompt) return 0;
    const int most = std::min(a.n_step(), b.n_step());
    int n = 0;
    while (n < most && token_of(a.row(), n) == token_of(b.row(), n)) ++n;
    return n;
}

void add(TextTree& tree, RowState* row, int n_common) {
    const int place = static_cast<int>(tree.rows.size());
    std::vector<int> path;
    if (n_common > 0) {
        const auto& before = tree.paths.back();
        path.assign(before.begin(), before.begin() + n_common);
    } else {
        tree.n_cell += prefill_length(*row);
    }
    for (const int node : path) tree.nodes[static_cast<std::size_t>(node)].rows.push_back(place);
    for (int step = n_common; step < row->n_step(); ++step) {
        path.push_back(static_cast<int>(tree.nodes.size()));
        tree.nodes.push_back({token_of(row->row(), step), row->n_prompt() - 1 + step, {place}});
    }
    tree.n_cell += row->n_step() - n_common;
    tree.rows.push_back(row);
    tree.paths.push_back(std::move(path));
}

}  // namespace

int tree_rows(int n_vocab) { return std::min(max_wave(n_vocab), kPackRows); }

bool only_reads(const Row& row) { return !row.forced.empty() && row.edits.empty() && row.captures.empty(); }

std::vector<TextTree> make_trees(std::span<RowState* const> rows, int n_row) {
    std::vector<RowState*> order(rows.begin(), rows.end());
    // Prompts of equal lengths are neighbours, so that they are computed together; texts with a common
    // beginning, so that it is found by looking at the row before.
    std::stable_sort(order.begin(), order.end(), [](const RowState* a, const RowState* b) {
        const Row &x = a->row(), &y = b->row();
        return std::forward_as_tuple(y.prompt.size(), x.prompt, x.forced) <
               std::forward_as_tuple(x.prompt.size(), y.prompt, y.forced);
    });
    std::vector<TextTree> trees;
    for (RowState* row : order) {
        int n_common = trees.empty() ? 0 : common_steps(*trees.back().rows.back(), *row);
        const int n_new = row->n_step() - n_common + (n_common == 0 ? prefill_length(*row) : 0);
        if (trees.empty() || static_cast<int>(trees.back().rows.size()) >= n_row ||
            trees.back().n_cell + n_new > kPackCells) {
            trees.emplace_back();
            n_common = 0;
        }
        add(trees.back(), row, n_common);
    }
    return trees;
}

}  // namespace tiller::engine
