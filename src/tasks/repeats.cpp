#include "tasks/repeats.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace tiller {

std::vector<int> first_of_each_input(const Task& task) {
    std::unordered_set<std::string_view> seen;
    std::vector<int> first;
    for (std::size_t i = 0; i < task.items.size(); ++i)
        if (seen.insert(task.items[i].input).second) first.push_back(static_cast<int>(i));
    return first;
}

std::vector<std::string> right_answers(const Task& task, const Item& item) {
    std::vector<std::string> answers = item.outputs;
    for (const Item& other : task.items) {
        if (&other == &item || other.input != item.input) continue;
        for (const auto& output : other.outputs)
            if (std::find(answers.begin(), answers.end(), output) == answers.end()) answers.push_back(output);
    }
    return answers;
}

}  // namespace tiller
