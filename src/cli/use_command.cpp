#include "cli/use_command.h"

#include <fmt/format.h>

#include "core/shell.h"
#include "tiller/task.h"

namespace tiller::cli {
namespace {

constexpr std::size_t longest_input = 60;  // A command that is to be copied should fit on a line or two.

// The shortest input among the examples as the zero-shot prompt that it was tested with.
std::string prompt_of(const TaskSummary& task, bool chat) {
    const ExampleSummary* shortest = nullptr;
    for (const auto& example : task.examples)
        if (!shortest || example.input.size() < shortest->input.size()) shortest = &example;
    if (!shortest || shortest->input.size() > longest_input) return "TEXT";
    if (chat) return shortest->input;
    const Template form;
    return form.input_prefix + form.blank + shortest->input + form.separator + form.output_prefix;
}

std::string chat_options(const WinnerSummary& winner) {
    if (!winner.chat) return "";
    return " --chat" +
           (winner.chat_template.empty() ? "" : " --template " + shell_word(winner.chat_template));
}

}  // namespace

UseText use_command(const std::filesystem::path& folder) {
    return [folder](const TaskSummary& task, const WinnerSummary& winner) {
        return fmt::format("tiller generate -m {} --vector {}{} -p {} -n {}", shell_word(task.model),
                           shell_word((folder / winner.file).generic_string()), chat_options(winner),
                           shell_word(prompt_of(task, winner.chat)), task.behavioural() ? 20 : 6);
    };
}

}  // namespace tiller::cli
