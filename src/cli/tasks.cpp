// tiller tasks: the task files that are there.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "core/paths.h"
#include "core/util.h"
#include "tiller/task.h"

namespace tiller::cli {
namespace {

// At most 40 bytes, cut between characters.
std::string beginning(const std::string& text) {
    std::size_t n = std::min<std::size_t>(40, text.size());
    while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
    return text.substr(0, n);
}

}  // namespace

void add_tasks(CLI::App& app, Globals& globals) {
    struct Options {
        std::string data_dir, name;
    };
    auto o = std::make_shared<Options>();
    auto* command = app.add_subcommand("tasks", "List tasks, or show the items of one");
    command->add_option("task", o->name, "Task name or JSON file");
    command->add_option("--data-dir", o->data_dir, "Folder of task files (default: tiller's own)");
    add_globals(*command, globals, kJsonFlag);
    command->callback([o, &globals] {
        const auto folder = o->data_dir.empty() ? data_dir() : std::filesystem::path(o->data_dir);
        nlohmann::json all = nlohmann::json::array();
        std::string text;
        const auto add = [&](const Task& task) {
            all.push_back({{"name", task.name},
                           {"family", family_name(task.family)},
                           {"items", task.items.size()},
                           {"digest", task.digest},
                           {"path", valid_utf8(task.path.string())}});
            text += fmt::format("{:<26} {:<12} {:>5}  {} -> {}\n", task.name, family_name(task.family),
                                task.items.size(), beginning(task.items[0].input),
                                beginning(task.items[0].output));
        };
        if (o->name.empty()) {
            text = fmt::format("{:<26} {:<12} {:>5}  {}\n", "task", "family", "items", "first item");
            for (const auto& path : list_tasks(folder)) add(load_task(path));
        } else {
            const Task task = find_task(o->name, folder);
            add(task);
            all[0]["list"] = nlohmann::json::array();
            for (const auto& item : task.items) {
                all[0]["list"].push_back({{"input", item.input}, {"output", item.outputs}});
                text += fmt::format("{}\t{}\n", item.input, item.output);
            }
        }
        print(globals.json ? all.dump() + "\n" : text);
    });
}

}  // namespace tiller::cli
