#include <fmt/format.h>

#include <algorithm>

#include "tasks/item_at.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

std::vector<Pair> make_pairs(const Task& task, std::span<const int> pool, int n,
                             std::span<const std::string> unrelated, std::uint64_t seed, bool strip,
                             const Template& form) {
    if (n < 0) throw Error(Code::usage, fmt::format("make_pairs: n is {}; expected 0 or more", n));
    const bool style = task.family == Family::behavioural;
    if (!style && unrelated.empty())
        throw Error(Code::usage,
                    fmt::format("task {}: in-context pairs of a {} task need unrelated sentences, and "
                                "none were given: pass the list of load_sentences()",
                                task.name, family_name(task.family)));
    const auto finish = [&](const std::string& text) {
        const auto stripped = trim(text, " .");
        return strip && !stripped.empty() ? std::string(stripped) : text;
    };
    std::vector<int> order(pool.begin(), pool.end());
    Random(seed, "pairs/items").shuffle(order);
    order.resize(std::min(order.size(), static_cast<std::size_t>(n)));
    Random sentence_random(seed, "pairs/unrelated");

    std::vector<Pair> pairs;
    pairs.reserve(order.size());
    for (const int index : order) {
        const Item& item = item_at(task, index);
        if (style) {
            pairs.push_back({finish(item.input), finish(item.output)});
            continue;
        }
        const std::string head =
            form.input_prefix + " " + item.input + form.separator + form.output_prefix + " ";
        const auto& other = unrelated[sentence_random.below(unrelated.size())];
        pairs.push_back({finish(head + other), finish(head + item.output)});
    }
    return pairs;
}

}  // namespace tiller
