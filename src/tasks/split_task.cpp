#include <fmt/format.h>

#include "tasks/repeats.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

Split split_task(const Task& task, std::uint64_t seed) {
    // Items with one input are one thing to know: on two sides of a split it would be trained on and tested.
    std::vector<int> order = first_of_each_input(task);
    const std::size_t n = order.size();
    // Whole numbers: 0.7 is not exact in binary.
    const std::size_t n_train = n * 7 / 10;
    const std::size_t rest = n - n_train;
    const std::size_t n_test = rest * 7 / 10;
    if (n_train == 0 || n_test == 0 || rest == n_test)
        throw Error(
            Code::bad_input,
            fmt::format("task {} has {} items{}, which leaves {} for training, {} for testing and {} for "
                        "validation; expected at least 4 items, so that no part is empty: add items",
                        task.name, n, n < task.items.size() ? " with an input of their own" : "", n_train,
                        n_test, rest - n_test));
    Random(seed, "split").shuffle(order);

    const auto train_end = order.begin() + static_cast<std::ptrdiff_t>(n_train);
    const auto test_end = train_end + static_cast<std::ptrdiff_t>(n_test);
    return {{order.begin(), train_end}, {train_end, test_end}, {test_end, order.end()}};
}

}  // namespace tiller
