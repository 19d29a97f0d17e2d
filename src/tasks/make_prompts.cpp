#include <fmt/format.h>

#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

std::vector<Prompt> make_prompts(const Task& task, std::span<const int> pool, int n, int n_shot,
                                 std::uint64_t seed, bool shuffle_labels, const Template& form,
                                 std::span<const int> query_pool) {
    if (n < 0 || n_shot < 0)
        throw Error(Code::usage,
                    fmt::format("make_prompts: n is {} and n_shot {}; expected 0 or more", n, n_shot));
    const bool apart = !query_pool.empty();  // demonstrations and queries come from different items
    if (pool.size() < static_cast<std::size_t>(n_shot) + (apart ? 0 : 1))
        throw Error(
            Code::bad_input,
            fmt::format("task {}: {} items cannot give prompts of {} demonstrations and a query; expected at "
                        "least {} items: take fewer shots or a larger task",
                        task.name, pool.size(), n_shot, n_shot + (apart ? 0 : 1)));
    // Three random streams: queries do not depend on the number of demonstrations, and prompts with shuffled
    // labels differ from the others only in the labels.
    std::vector<int> queries(pool.begin(), pool.end());
    if (apart) queries.assign(query_pool.begin(), query_pool.end());
    Random(seed, "prompts/queries").shuffle(queries);
    Random demo_random(seed, "prompts/demos");
    Random label_random(seed, "prompts/labels");

    std::vector<Prompt> prompts;
    prompts.reserve(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
        const auto query = static_cast<std::size_t>(i) % queries.size();
        std::vector<int> demos;
        for (const int k : demo_random.sample(static_cast<int>(pool.size()) - (apart ? 0 : 1), n_shot)) {
            const auto place = static_cast<std::size_t>(k);
            demos.push_back(apart           ? pool[place]
                            : place < query ? queries[place]
                                            : queries[place + 1]);  // skips the query
        }
        prompts.push_back(make_prompt(task, demos, queries[query], form, shuffle_labels, &label_random));
    }
    return prompts;
}

}  // namespace tiller
