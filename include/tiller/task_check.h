// What a task can show, and what is odd about it: a check of a user's own task before it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tiller/task.h"
#include "tiller/token.h"

namespace tiller {

/// Two items by Item::id; the second one is earlier in the file.
using ItemPair = std::pair<int, int>;

/// Items whose answers differ and begin with the same token.
struct SharedFirstToken {
    Token token = 0;
    std::vector<int> items;  ///< Item::id, at least two.
};

struct TaskCheck {
    int n_item = 0, n_train = 0, n_valid = 0, n_test = 0;
    std::vector<ItemPair> repeated;       ///< Same input, same answers.
    std::vector<ItemPair> contradicting;  ///< Same input, no answer in common.
    std::vector<ItemPair> leaks;          ///< Validation and test items that items_seen() finds.
    std::vector<int> unchanged;           ///< Item::id: an answer is the input.

    // Only with a tokenizer. The first two are empty for behavioural tasks, whose answers are not scored by
    // tokens.
    std::vector<SharedFirstToken> shared_first;  ///< Largest first.
    std::vector<int> long_answers;               ///< Item::id: the first answer has several tokens.
    int longest_item = 0;                        ///< Tokens of the longest input and answer together.
    int longest_prompt = 0;  ///< Tokens that a prompt of n_shot demonstrations may have, at most.

    /// Half the width of the 95 % interval of a share of 0.5 among the test items.
    double half_interval = 0;
    /// The smallest difference of two methods' shares on the test items that McNemar's exact test can call
    /// significant (p < 0.05). It is reached when the same method solves all items that only one of the two
    /// solves. Above 1: no difference can be significant.
    double smallest_difference = 0;
};

/// Which of `items` have an input that an item of `train` has too, so that the model has seen what it is
/// tested on (both are indices into Task::items). Ascending by id, each with the first such training item.
/// Inputs are compared as in check_task().
std::vector<ItemPair> items_seen(const Task& task, std::span<const int> train, std::span<const int> items);

/// Checks a task under the split of split_task() with this seed. Inputs are compared without ASCII case and
/// white space at both ends. `tokenize` gives a text's tokens and may be empty. Throws bad_input as
/// split_task().
TaskCheck check_task(const Task& task, std::uint64_t seed, int n_shot,
                     const std::function<std::vector<Token>(std::string_view)>& tokenize = {});

}  // namespace tiller
