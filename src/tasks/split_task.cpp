#include <fmt/format.h>

#include <algorithm>

#include "tasks/repeats.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

// Indices of the items in the order from which splits are cut. Of items with the same input only the first is
// used: otherwise an input could be trained on and tested.
std::vector<int> shuffled(const Task& task, std::uint64_t seed) {
    std::vector<int> order = first_of_each_input(task);
    Random(seed, "split").shuffle(order);
    return order;
}

// Computed in whole numbers because 0.7 is not exact in binary.
std::size_t count_train(std::size_t n) { return n * 7 / 10; }

}  // namespace

Split split_task(const Task& task, std::uint64_t seed) {
    const std::vector<int> order = shuffled(task, seed);
    const std::size_t n = order.size(), n_train = count_train(n);
    const std::size_t rest = n - n_train;
    const std::size_t n_test = rest * 7 / 10;
    if (n_train == 0 || n_test == 0 || rest == n_test)
        throw Error(
            Code::bad_input,
            fmt::format("task {} has {} items{}, which leaves {} for training, {} for testing and {} for "
                        "validation; expected at least 4 items, so that no part is empty: add items",
                        task.name, n, n < task.items.size() ? " with an input of their own" : "", n_train,
                        n_test, rest - n_test));
    const auto train_end = order.begin() + static_cast<std::ptrdiff_t>(n_train);
    const auto test_end = train_end + static_cast<std::ptrdiff_t>(n_test);
    return {{order.begin(), train_end}, {train_end, test_end}, {test_end, order.end()}};
}

std::vector<Split> fold_task(const Task& task, std::uint64_t seed, int n_fold) {
    if (n_fold < 2) throw Error(Code::usage, fmt::format("fold_task: {} parts, expected at least 2", n_fold));
    std::vector<int> order = shuffled(task, seed);
    const std::size_t n = order.size(), n_part = static_cast<std::size_t>(n_fold);
    if (n < n_part)
        throw Error(Code::bad_input,
                    fmt::format("task {} has {} items with an input of their own, expected at least {}, one "
                                "for each part that is tested in turn: add items",
                                task.name, n, n_fold));
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count_train(n)), order.end());
    std::vector<Split> splits;
    for (std::size_t k = 0; k < n_part; ++k) {
        const auto begin = order.begin() + static_cast<std::ptrdiff_t>(k * n / n_part),
                   end = order.begin() + static_cast<std::ptrdiff_t>((k + 1) * n / n_part);
        Split split{{end, order.end()}, {begin, end}, {begin, end}};
        split.train.insert(split.train.end(), order.begin(), begin);
        splits.push_back(std::move(split));
    }
    return splits;
}

}  // namespace tiller
