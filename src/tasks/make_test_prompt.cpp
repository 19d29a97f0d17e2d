#include <algorithm>

#include "tiller/task.h"

namespace tiller {

Prompt make_test_prompt(const Task& task, std::span<const int> pool, int item, int n_shot, std::uint64_t seed,
                        bool shuffle_labels, const Template& form) {
    if (n_shot == 0) return make_prompt(task, {}, item, form);
    Random random(seed, "shots/" + std::to_string(item));
    const int n = static_cast<int>(pool.size());
    std::vector<int> demos;
    for (int i : random.sample(n, std::min(n_shot, n))) demos.push_back(pool[static_cast<std::size_t>(i)]);
    return make_prompt(task, demos, item, form, shuffle_labels, &random);
}

}  // namespace tiller
