#include "cli/task_option.h"

#include <fmt/format.h>

#include "core/paths.h"

namespace tiller::cli {
namespace {

const char* meaning_of(Family family) {
    switch (family) {
        case Family::functional: return "each input has one right answer";
        case Family::extractive: return "the answer stands in the input";
        case Family::behavioural: return "outputs are inputs in another style";
    }
    return "";
}

}  // namespace

void add_family_option(CLI::App& command, std::string& family) {
    command
        .add_option(
            "--family", family,
            "What a task file holds: functional (one right answer), extractive (it stands in the input), "
            "behavioural (another style)")
        ->check(CLI::IsMember({"functional", "extractive", "behavioural"}));
}

void say_family(const Task& task, const Globals& globals) {
    if (task.family_from != "its name" && !task.family_from.empty()) return;
    note(globals,
         fmt::format("{}: taken for a {} task ({}), {}; --family says otherwise", task.name,
                     family_name(task.family), meaning_of(task.family),
                     task.family_from.empty() ? "because nothing says what it is" : "because of its name"));
}

Task given_task(const std::string& name, const std::string& folder, const std::string& family,
                const Globals& globals) {
    if (!family.empty() && !is_task_file(name))
        throw Error(Code::usage,
                    fmt::format("--family {}: the task {} is no file and has its family", family, name));
    Task task = find_task(name, folder.empty() ? data_dir() : std::filesystem::path(folder));
    if (!family.empty())
        set_family(task, family);
    else
        say_family(task, globals);
    return task;
}

}  // namespace tiller::cli
