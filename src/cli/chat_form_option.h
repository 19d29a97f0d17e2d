// --chat of commands that make prompts of a task: as conversations in the model's own format.
#pragma once

#include <string>

#include "cli/common.h"
#include "tiller/model.h"
#include "tiller/task.h"

namespace tiller::cli {

struct ChatFormOptions {
    bool chat = false;
    std::string template_file;
};

/// Adds --chat and --template.
void add_chat_form_options(CLI::App& command, ChatFormOptions& options);

/// How names of control tokens in prompts are read: as the tokens where prompts are conversations, else as
/// the task says.
ControlNames control_names_for(const ChatFormOptions& options, ControlNames of_task);

/// The form of the task's prompts: chat_form() of the model, loaded with control_names_for(), or the papers'.
/// Throws as chat_form() and require_no_control_names() do, and bad_input for an empty template file.
Template form_for(const ChatFormOptions& options, const Model& model, const Task& task);

}  // namespace tiller::cli
