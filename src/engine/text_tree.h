// Texts that follow prompts, as trees of tokens: what several begin with is computed once.
#pragma once

#include <span>
#include <vector>

#include "engine/row_state.h"

namespace tiller::engine {

/// A token of one or more rows, at the same position after the same tokens.
struct TreeNode {
    Token token = 0;
    int position = 0;
    std::vector<int> rows;  ///< Indices into TextTree::rows.
};

/// Rows that are computed together in one cache, each in the sequence of its index.
struct TextTree {
    std::vector<RowState*> rows;          ///< Those of one prompt are neighbours.
    std::vector<TreeNode> nodes;          ///< From the last prompt tokens on; each after those it follows.
    std::vector<std::vector<int>> paths;  ///< Of each row: its nodes, one for each of its steps.
    int n_cell = 0;                       ///< Cells of all nodes and of the prompts before them, padded.
};

/// Rows of a tree with padding, and tokens of one of its batches, at most.
int tree_rows(int n_vocab);

/// Does the row only ask how likely a given text is? It has forced tokens and neither edits nor captures.
bool only_reads(const Row& row);

/// Rows that only read, in as few trees of at most n_row rows and kPackCells cells as their order allows (a
/// longer row is a tree by itself). Depends only on the rows and n_row.
std::vector<TextTree> make_trees(std::span<RowState* const> rows, int n_row);

}  // namespace tiller::engine
