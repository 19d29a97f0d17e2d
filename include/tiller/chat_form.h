// Prompts of a task as conversations in a model's own format.
#pragma once

#include <filesystem>
#include <string>

#include "tiller/model.h"
#include "tiller/task.h"

namespace tiller {

/// What "form" of a vector's settings (Provenance::settings) says when it was made of conversations.
inline constexpr const char* chat_form_name = "chat";

/// The model's chat template as a form of prompts: each demonstration is a message of the user's and the
/// assistant's answer, the query is the user's last message, and the prompt ends where the assistant's answer
/// begins. make_prompt() with it writes what Model::chat_prompt() writes of the same messages, without a
/// system message of ours; templates that write the date get 1 January 2024, so that prompts do not depend on
/// the day. Its texts hold control tokens' names: the model must have been loaded with ControlNames::parse.
/// `chat_template`: Jinja text in place of the model's own; empty = that.
/// Throws unsupported when the model has no template, or one that writes a turn otherwise depending on its
/// place (compared on conversations of 1 to 4 questions); errors of Model::chat_prompt() pass through.
Template chat_form(const Model& model, const std::string& chat_template = {});

/// The Jinja text of a file. Throws missing, environment (unreadable), bad_input (empty, above 1 MiB).
std::string read_chat_template(const std::filesystem::path& path);

/// Throws bad_input, naming task and item, when an input or output holds the name of one of the model's
/// control tokens, which would end a turn in the middle of a conversation.
void require_no_control_names(const Model& model, const Task& task);

}  // namespace tiller
