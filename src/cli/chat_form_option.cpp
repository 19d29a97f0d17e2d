#include "cli/chat_form_option.h"

#include "tiller/chat_form.h"

namespace tiller::cli {

void add_chat_form_options(CLI::App& command, ChatFormOptions& o) {
    auto* chat = command.add_flag("--chat", o.chat,
                                  "Prompts are conversations in the model's own chat format: demonstrations "
                                  "as turns, the answer as the assistant's");
    command
        .add_option("--template", o.template_file,
                    "Chat template (a file of Jinja) instead of the model's own")
        ->needs(chat);
}

ControlNames control_names_for(const ChatFormOptions& o, ControlNames of_task) {
    return o.chat ? ControlNames::parse : of_task;
}

Template form_for(const ChatFormOptions& o, const Model& model, const Task& task) {
    if (!o.chat) return {};
    require_no_control_names(model, task);
    return chat_form(model, o.template_file.empty() ? "" : read_chat_template(o.template_file));
}

}  // namespace tiller::cli
