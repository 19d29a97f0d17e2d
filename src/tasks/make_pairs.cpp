#include <fmt/format.h>

#include <algorithm>

#include "tasks/item_at.h"
#include "tasks/question.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

std::vector<Pair> make_pairs(const Task& task, std::span<const int> pool, int n,
                             std::span<const std::string> unrelated, std::uint64_t seed, bool strip,
                             const Template& form, const PairOptions& options) {
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
    Random item_random(seed, "pairs/items");
    if (options.repeats && !order.empty()) {
        order.clear();
        for (int i = 0; i < n; ++i) order.push_back(pool[item_random.below(pool.size())]);
    } else {
        item_random.shuffle(order);
        order.resize(std::min(order.size(), static_cast<std::size_t>(n)));
    }
    Random sentence_random(seed, "pairs/unrelated");

    std::vector<Pair> pairs;
    pairs.reserve(order.size());
    for (const int index : order) {
        const Item& item = item_at(task, index);
        if (style && !form.is_chat) {
            pairs.push_back({finish(item.input), finish(item.output)});
            continue;
        }
        // A conversation needs what its chat template writes first (kept in `instructions`). In other forms a
        // pair is written as a demonstration, which has no instructions.
        const std::string head =
            (form.is_chat ? form.instructions : "") + question_text(form, item.input, true);
        const auto& other = style ? item.input : unrelated[sentence_random.below(unrelated.size())];
        const std::string end = options.keep_end ? form.end : "";
        const std::string blank = options.bare_unrelated ? "" : form.blank;
        pairs.push_back({finish(head + blank + other + end), finish(head + form.blank + item.output + end)});
    }
    return pairs;
}

}  // namespace tiller
