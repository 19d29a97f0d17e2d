// Conversations in a model's own format: what Model::chat_prompt() takes and gives.
#pragma once

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "tiller/token.h"

namespace tiller {

/// One turn of a conversation.
struct ChatMessage {
    std::string role;     ///< "system", "user" or "assistant". Others are refused by name.
    std::string content;  ///< UTF-8; may be empty.
};

struct ChatOptions {
    /// End with the opening of the assistant's turn. Without effect when a last message is continued.
    bool add_generation_prompt = true;
    /// If the last message is the assistant's, the model continues it: the prompt ends where that message's
    /// content ends, with the white space after it as far as the template kept that. Off: that message is a
    /// finished turn like any other, and add_generation_prompt decides what follows.
    bool continue_last = true;
    /// Jinja text to use instead of the model's own template (metadata key "tokenizer.chat_template"). At
    /// most 1 MiB.
    std::string chat_template = {};
    /// The time that a template takes for now, if it writes the date (local time); empty = the system clock.
    std::optional<std::time_t> time = {};
};

/// Bytes [begin, end) of a text.
struct TextRange {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// A conversation as the model reads it.
struct ChatPrompt {
    std::vector<Token> tokens;  ///< Of `text`; BOS once where the model wants it.
    std::string text;           ///< What the template wrote.
    /// Byte ranges of `text` that came from the messages' contents: ascending, none empty, with text of the
    /// template between any two. Names of control tokens inside them were tokenised as text.
    std::vector<TextRange> contents;
};

}  // namespace tiller
