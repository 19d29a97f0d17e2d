#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "core/text.h"
#include "tiller/statistics.h"
#include "tiller/task_check.h"

namespace tiller {
namespace {

constexpr int kResamples = 2000;
constexpr double kSignificant = 0.05;

std::string folded(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    std::string out(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
    for (char& c : out) c = lower_ascii(c);
    return out;
}

bool share_an_answer(const Item& a, const Item& b) {
    return std::any_of(a.outputs.begin(), a.outputs.end(), [&](const std::string& output) {
        return std::find(b.outputs.begin(), b.outputs.end(), output) != b.outputs.end();
    });
}

void compare_items(const Task& task, TaskCheck& check) {
    std::map<std::string, const Item*> first;
    for (const Item& item : task.items) {
        const auto [it, is_new] = first.emplace(folded(item.input), &item);
        if (is_new) continue;
        const Item& earlier = *it->second;
        if (std::set(item.outputs.begin(), item.outputs.end()) ==
            std::set(earlier.outputs.begin(), earlier.outputs.end()))
            check.repeated.emplace_back(item.id, earlier.id);
        else if (!share_an_answer(item, earlier))
            check.contradicting.emplace_back(item.id, earlier.id);
    }
    for (const Item& item : task.items)
        if (std::any_of(item.outputs.begin(), item.outputs.end(),
                        [&](const std::string& output) { return folded(output) == folded(item.input); }))
            check.unchanged.push_back(item.id);
}

void measure_tokens(const Task& task, int n_shot,
                    const std::function<std::vector<Token>(std::string_view)>& tokenize, TaskCheck& check) {
    std::map<Token, std::vector<const Item*>> by_first;
    std::vector<int> lengths;
    for (const Item& item : task.items) {
        // As in prompts: a blank belongs to the answer.
        const auto answer = tokenize(" " + item.output);
        lengths.push_back(static_cast<int>(tokenize("Q: " + item.input + "\nA:").size() + answer.size()));
        if (task.family == Family::behavioural || answer.empty()) continue;
        if (answer.size() > 1) check.long_answers.push_back(item.id);
        by_first[answer.front()].push_back(&item);
    }
    std::sort(lengths.rbegin(), lengths.rend());
    check.longest_item = lengths.front();
    for (std::size_t i = 0; i < std::min(lengths.size(), static_cast<std::size_t>(n_shot) + 1); ++i)
        check.longest_prompt += lengths[i] + 2;
    for (const auto& [token, items] : by_first) {
        std::set<std::string> answers;
        SharedFirstToken shared{token, {}};
        for (const Item* item : items) {
            answers.insert(item->output);
            shared.items.push_back(item->id);
        }
        if (answers.size() > 1) check.shared_first.push_back(std::move(shared));
    }
    std::stable_sort(check.shared_first.begin(), check.shared_first.end(),
                     [](const auto& a, const auto& b) { return a.items.size() > b.items.size(); });
}

void measure_power(TaskCheck& check) {
    std::vector<double> values;
    for (int i = 0; i < check.n_test; ++i) values.push_back(i % 2);
    const Interval interval = bootstrap_mean(values, Scale::hit, kResamples, 0);
    // A bootstrap of one item always gives that item, so its interval would look certain.
    check.half_interval = check.n_test < 2 ? 0.5 : (interval.high - interval.low) / 2;
    // McNemar's exact test, when all k items that differ do so in the same direction: p = 2 * 0.5^k.
    int k = 1;
    while (2 * std::pow(0.5, k) >= kSignificant) ++k;
    check.smallest_difference = static_cast<double>(k) / check.n_test;
}

}  // namespace

std::vector<ItemPair> items_seen(const Task& task, std::span<const int> train, std::span<const int> items) {
    const auto item_at = [&](int i) -> const Item& { return task.items[static_cast<std::size_t>(i)]; };
    std::map<std::string, int> trained;
    for (int i : train) trained.emplace(folded(item_at(i).input), item_at(i).id);
    std::vector<ItemPair> seen;
    for (int i : items)
        if (const auto it = trained.find(folded(item_at(i).input)); it != trained.end())
            seen.emplace_back(item_at(i).id, it->second);
    std::sort(seen.begin(), seen.end());
    return seen;
}

TaskCheck check_task(const Task& task, std::uint64_t seed, int n_shot,
                     const std::function<std::vector<Token>(std::string_view)>& tokenize) {
    const Split split = split_task(task, seed);
    TaskCheck check;
    check.n_item = static_cast<int>(task.items.size());
    check.n_train = static_cast<int>(split.train.size());
    check.n_valid = static_cast<int>(split.valid.size());
    check.n_test = static_cast<int>(split.test.size());
    compare_items(task, check);
    std::vector<int> others = split.valid;
    others.insert(others.end(), split.test.begin(), split.test.end());
    check.leaks = items_seen(task, split.train, others);
    if (tokenize) measure_tokens(task, n_shot, tokenize, check);
    measure_power(check);
    return check;
}

}  // namespace tiller
