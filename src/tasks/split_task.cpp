#include <fmt/format.h>

#include <numeric>

#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

Split split_task(const Task& task, std::uint64_t seed) {
    const std::size_t n = task.items.size();
    // Whole numbers: 0.7 is not exact in binary.
    const std::size_t n_train = n * 7 / 10;
    const std::size_t rest = n - n_train;
    const std::size_t n_test = rest * 7 / 10;
    if (n_train == 0 || n_test == 0 || rest == n_test)
        throw Error(
            Code::bad_input,
            fmt::format("task {} has {} items, which leaves {} for training, {} for testing and {} for "
                        "validation; expected at least 4 items, so that no part is empty: add items",
                        task.name, n, n_train, n_test, rest - n_test));
    std::vector<int> order(n);
    std::iota(order.begin(), order.end(), 0);
    Random(seed, "split").shuffle(order);

    const auto train_end = order.begin() + static_cast<std::ptrdiff_t>(n_train);
    const auto test_end = train_end + static_cast<std::ptrdiff_t>(n_test);
    return {{order.begin(), train_end}, {train_end, test_end}, {test_end, order.end()}};
}

}  // namespace tiller
