#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/near_names.h"
#include "tasks/json_events.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

bool is_task_file(std::string_view name) noexcept {
    for (const std::string_view ending : {".json", ".jsonl", ".csv", ".tsv"})
        if (name.ends_with(ending)) return true;
    return false;
}

Task find_task(const std::string& name, const std::filesystem::path& data_dir) {
    if (is_task_file(name)) return load_task(name);
    const auto tasks = list_tasks(data_dir);
    for (const auto& path : tasks)
        if (path.stem().string() == name) return load_task(path);
    std::vector<std::string> names;
    for (const auto& path : tasks) names.push_back(path.stem().string());
    const auto near = near_names(name, names);
    const auto hint =
        near.empty() ? std::string("list the tasks, or give a path that ends in .json, .jsonl, .csv or .tsv")
                     : fmt::format("did you mean {}?", fmt::join(near, ", "));
    throw Error(Code::usage, fmt::format("there is no task \"{}\" among the {} below {}: {}", excerpt(name),
                                         tasks.size(), data_dir.string(), hint));
}

}  // namespace tiller
