#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "tasks/numpy_permutation.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

// sklearn's train_test_split(items, test_size=0.3, random_state=seed): the test part comes first in the
// permutation, and its size is rounded up.
struct Parts {
    std::vector<int> train, test;
};
Parts split_off(const std::vector<int>& items, std::uint32_t seed) {
    const auto n_test = static_cast<std::size_t>(std::ceil(0.3 * static_cast<double>(items.size())));
    Parts parts;
    std::size_t place = 0;
    for (const int i : numpy_permutation(seed, static_cast<int>(items.size())))
        (place++ < n_test ? parts.test : parts.train).push_back(items[static_cast<std::size_t>(i)]);
    return parts;
}

}  // namespace

Split paper_split(const Task& task, std::uint64_t seed) {
    if (seed > std::numeric_limits<std::uint32_t>::max())
        throw Error(Code::bad_input,
                    fmt::format("seed {}: the paper's splits take seeds from 0 to 4294967295, as numpy does; "
                                "choose a smaller one",
                                seed));
    if (task.items.size() < 4)
        throw Error(
            Code::bad_input,
            fmt::format("task {} has {} items; expected at least 4 for the paper's splits, so that no "
                        "part is empty: add items",
                        task.name, task.items.size()));
    std::vector<int> all;
    for (std::size_t i = 0; i < task.items.size(); ++i) all.push_back(static_cast<int>(i));
    const auto numpy_seed = static_cast<std::uint32_t>(seed);
    Parts first = split_off(all, numpy_seed);
    Parts second = split_off(first.test, numpy_seed);
    return {std::move(first.train), std::move(second.train), std::move(second.test)};
}

}  // namespace tiller
