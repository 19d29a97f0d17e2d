// Answers to a conversation, computed in one batch and reported as they are generated.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/chat_state.h"
#include "tiller/engine.h"
#include "tiller/stepper.h"

namespace tiller::cli {

class ChatEngine {
public:
    /// `chat_template`: Jinja, empty = the model's own. `context`: the longest conversation in tokens, [1,
    /// the model's context]. Ctrl-C is seen through `interrupted`.
    ChatEngine(Engine& engine, std::string chat_template, int context);

    /// No template: the conversation is one text, which the model continues.
    bool is_plain() const noexcept { return plain_; }
    int context() const noexcept { return context_; }

    /// Called with text i and its new part, valid UTF-8; `last` is true for the last part.
    using OnText = std::function<void(std::size_t, const std::string&, bool)>;

    struct Answers {
        std::vector<ChatAnswer> all;
        bool interrupted = false;  ///< Ctrl-C ended them.
        bool full = false;         ///< The context had no room for the longest answer.
    };

    /// Answers to `message`, which follows the state's messages: one, or one for each strength. Nothing in
    /// `state` changes. Throws as Model::chat_prompt() and Stepper, and bad_input when the conversation fills
    /// the context.
    Answers answer(const ChatState& state, const std::string& message, const OnText& on_text);

private:
    std::vector<Token> prompt_of(const ChatState& state, const std::string& message) const;
    Stepper& stepper_for(std::size_t n_token, std::size_t n_row);
    bool run(Stepper& stepper);

    Engine& engine_;
    std::string chat_template_;
    bool plain_ = false;
    int context_ = 0;
    std::optional<Stepper> stepper_;  ///< With the caches of earlier turns; made again where it is too small.
};

}  // namespace tiller::cli
