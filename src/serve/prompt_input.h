// The prompt of a request: a text, tokens or a conversation, and how it becomes tokens.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serve/fields.h"
#include "tiller/model.h"

namespace tiller::serve {

/// A text, tokens, or a conversation.
using PromptInput = std::variant<std::string, std::vector<Token>, std::vector<ChatMessage>>;

/// A list of whole numbers >= 0. Throws Problem 400.
std::vector<Token> tokens_of(const Json& value, const std::string& path);
/// [{"role", "content"}]; a content may be a list of {"type": "text", "text"}. Throws Problem 400.
std::vector<ChatMessage> messages_of(const Json& value, const std::string& path);
/// Exactly one of "prompt" (a text or tokens) and "messages". Throws Problem 400.
PromptInput prompt_or_messages(Fields& fields);

/// How texts become tokens.
struct TokenizeChoice {
    std::optional<bool> special = {};  ///< Control tokens' names: tokens, text, or (absent) refused.
    bool add_generation_prompt = true;
    bool continue_final = false;
    std::string chat_template = {};  ///< In place of the model's own.
};

/// Throws Problem 400: a token outside of the vocabulary, an empty prompt, control tokens' names in a text,
/// no chat template, a conversation that the template refuses.
std::vector<Token> tokenize(const PromptInput& input, const Model& model, const TokenizeChoice& choice,
                            const std::string& path);

/// The bytes of a token, which may be part of a character; empty for control tokens that are not shown.
std::string token_bytes(const Model& model, Token token);

}  // namespace tiller::serve
