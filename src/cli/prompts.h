// Prompts of the commands that run some: typed, from a file, or as conversations in the model's own format.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/common.h"
#include "tiller/model.h"

namespace tiller::cli {

struct PromptOptions {
    std::vector<std::string> prompts;  ///< -p
    std::string file;                  ///< -f; "-" = standard input.
    bool chat = false;
    std::string system, template_file;
    /// How names of control tokens in prompts are read; neither: such prompts are refused.
    bool special = false, no_special = false;
};

/// One prompt, ready to run.
struct ReadyPrompt {
    std::string text;  ///< As typed, or as the chat template wrote it.
    std::vector<Token> tokens;
};

/// Adds -p, --chat, --system, --template, --special and, with `files`, -f to a command.
void add_prompt_options(CLI::App& command, PromptOptions& options, bool files);

/// Reads the prompts, -p before the file's, and turns them into tokens. Throws usage (flags that do not go
/// together, no prompt), missing, bad_input and unsupported (see Model::chat_prompt()).
std::vector<ReadyPrompt> ready_prompts(const Model& model, const PromptOptions& options);

}  // namespace tiller::cli
