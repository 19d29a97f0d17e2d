// What `tiller chat` does with a line: a message gets an answer, a command changes how answers are made.
#pragma once

#include <string>
#include <vector>

#include "cli/chat_engine.h"
#include "cli/chat_state.h"

namespace tiller::cli {

class ChatSession {
public:
    /// Both must outlive it. `layers` applies to added vectors that name no layers.
    ChatSession(ChatEngine& engine, const ModelInfo& info, const Globals& globals, ChatState state,
                LayerRange layers);

    /// A message, or a command (/...; "//..." is a message that begins with one "/"). Prints answers and
    /// results to standard output, remarks to standard error. Throws usage (no such command, a bad argument),
    /// and what the engine and files throw; the conversation is then as before.
    void take_line(const std::string& line);

    bool has_ended() const noexcept { return ended_; }
    /// Did Ctrl-C end the last answer?
    bool was_interrupted() const noexcept { return interrupted_; }
    const ChatState& state() const noexcept { return state_; }

private:
    friend struct ChatCommands;

    void say(const std::string& message);
    ChatEngine::Answers print_answers(const std::string& message);
    void choose_and_keep(const std::string& message, ChatEngine::Answers answers);
    void remark(const ChatEngine::Answers& answers);
    void tell(const std::string& text) const { note(globals_, text); }

    ChatEngine& engine_;
    const ModelInfo& info_;
    const Globals& globals_;
    ChatState state_;
    LayerRange layers_;
    bool ended_ = false, interrupted_ = false;
};

/// Carries out "/NAME ARGUMENT". Throws usage when there is no such command, naming similar ones.
void run_chat_command(ChatSession& session, const std::string& line);
/// What /help prints.
std::string chat_help();

}  // namespace tiller::cli
