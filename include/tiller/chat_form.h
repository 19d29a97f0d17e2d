// Prompts of a task as conversations in a model's own format.
#pragma once

#include <filesystem>
#include <string>

#include "tiller/model.h"
#include "tiller/task.h"

namespace tiller {

/// Value of the setting "form" (Provenance::settings) in vectors that were extracted from conversations.
inline constexpr const char* chat_form_name = "chat";

/// The model's chat template as a form of prompts. Each demonstration becomes a message of the user and the
/// assistant's answer. The query is the user's last message, and the prompt ends where the assistant's answer
/// begins.
/// make_prompt() with this form writes what Model::chat_prompt() writes of the same messages, without a
/// system message. Templates that write the date get 1 January 2024, so that prompts do not depend on the
/// day. The prompts contain names of control tokens, so the model must have been loaded with
/// ControlNames::parse.
/// `chat_template`: Jinja text to use instead of the model's own; empty = the model's own. Throws unsupported
/// when the model has no template, or when the template writes a turn differently depending on its position
/// (checked on conversations of 1 to 4 questions). Errors of Model::chat_prompt() pass through.
Template chat_form(const Model& model, const std::string& chat_template = {});

/// The Jinja text of a file. Throws missing, environment (unreadable), bad_input (empty, above 1 MiB).
std::string read_chat_template(const std::filesystem::path& path);

/// Throws bad_input, naming task and item, when an input or output holds the name of one of the model's
/// control tokens, which would end a turn in the middle of a conversation.
void require_no_control_names(const Model& model, const Task& task);

}  // namespace tiller
