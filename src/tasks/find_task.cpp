#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "tasks/json_events.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

/// Levenshtein distance in bytes.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row.back();
}

/// At most five names, nearest first: few edits away, or one holding the other.
std::vector<std::string> near_names(const std::string& name,
                                    const std::vector<std::filesystem::path>& tasks) {
    std::vector<std::pair<std::size_t, std::string>> near;
    if (name.size() > 200) return {};  // no task is called that; do not spend time on the table
    for (const auto& path : tasks) {
        const auto other = path.stem().string();
        const auto distance = edit_distance(name, other);
        const bool holds = name.size() >= 3 && (other.find(name) != std::string::npos ||
                                                (other.size() >= 3 && name.find(other) != std::string::npos));
        if (holds || distance <= std::max<std::size_t>(2, name.size() / 3))
            near.emplace_back(distance, other);
    }
    std::sort(near.begin(), near.end());
    near.erase(std::unique(near.begin(), near.end()), near.end());
    std::vector<std::string> names;
    for (const auto& [distance, other] : near)
        if (names.size() < 5) names.push_back(other);
    return names;
}

}  // namespace

Task find_task(const std::string& name, const std::filesystem::path& data_dir) {
    if (name.ends_with(".json")) return load_task(name);
    const auto tasks = list_tasks(data_dir);
    for (const auto& path : tasks)
        if (path.stem().string() == name) return load_task(path);
    const auto near = near_names(name, tasks);
    const auto hint = near.empty() ? std::string("list the tasks, or give a path that ends in .json")
                                   : fmt::format("did you mean {}?", fmt::join(near, ", "));
    throw Error(Code::missing, fmt::format("there is no task \"{}\" among the {} below {}: {}", excerpt(name),
                                           tasks.size(), data_dir.string(), hint));
}

}  // namespace tiller
