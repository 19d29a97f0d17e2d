// What a sequence's cache holds, and how much of it another row can use.
#pragma once

#include <span>
#include <vector>

#include "tiller/row.h"

namespace tiller::engine {

/// An edit with the positions of its row at which it acts, [begin, end).
struct ActingEdit {
    Edit edit;  ///< Shares its vector with the row.
    int begin = 0;
    int end = 0;
};

/// First tokens of a prompt whose keys and values lie in a sequence.
struct HeldPrefix {
    std::vector<Token> tokens;
    std::vector<ActingEdit> edits;  ///< Those that act on these tokens, in the row's order.

    int size() const { return static_cast<int>(tokens.size()); }
    /// Forgets tokens [n, infinity).
    void cut(int n);
};

/// The first n tokens of a row's prompt.
HeldPrefix prefix_of(const Row& row, int n);

/// How many of the held tokens are the row's own first tokens under the same edits, so that their keys and
/// values are the row's bit for bit; at most `most`. Edits are compared by their values.
int shared_length(const HeldPrefix& held, const Row& row, int most);

/// Could what an edit broke be replaced by another edit, so that the row's logits do not show it?
bool may_hide_breaks(const Row& row);

/// Does the row read something before its last prompt token? It must then compute these tokens itself.
bool reads_early(const Row& row);

}  // namespace tiller::engine
