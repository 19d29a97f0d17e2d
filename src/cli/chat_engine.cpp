#include "cli/chat_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

// Tokens that the first KV cache has room for; it grows with the conversation.
constexpr int kFirstContext = 2048;

// Without a template: the messages as one text, each user message on a new line.
std::string plain_text(const std::vector<ChatMessage>& messages) {
    std::string text;
    for (const auto& message : messages) {
        if (message.role == "user" && !text.empty() && text.back() != '\n') text += "\n";
        text += message.content;
    }
    return text;
}

}  // namespace

ChatEngine::ChatEngine(Engine& engine, std::string chat_template, int context)
    : engine_(engine), chat_template_(std::move(chat_template)), context_(context) {
    plain_ = chat_template_.empty() && engine.model().chat_template().empty();
    engine_.cancel_with(&interrupted);
}

std::vector<Token> ChatEngine::prompt_of(const ChatState& state, const std::string& message) const {
    std::vector<ChatMessage> messages = state.messages;
    messages.push_back({"user", message});
    if (plain_) return engine_.model().tokenize(plain_text(messages), {.bos = true, .special = false});
    if (!state.system.empty()) messages.insert(messages.begin(), {"system", state.system});
    ChatOptions options;
    options.chat_template = chat_template_;
    return engine_.model().chat_prompt(messages, options).tokens;
}

Stepper& ChatEngine::stepper_for(std::size_t n_token, std::size_t n_row) {
    const int tokens = static_cast<int>(n_token), rows = static_cast<int>(n_row);
    if (stepper_ && stepper_->options().row_tokens >= tokens && stepper_->options().n_rows >= rows)
        return *stepper_;
    StepperOptions options;
    const auto room = std::bit_ceil(static_cast<unsigned>(std::max(tokens, kFirstContext)));
    options.row_tokens = std::min(static_cast<int>(room), context_);
    options.n_rows = rows;
    // The engine makes caches for a multiple of four rows anyway; the others keep earlier prompts.
    options.n_spare = (4 - rows % 4) % 4;
    stepper_.reset();  // not both at once
    stepper_.emplace(engine_, options);
    return *stepper_;
}

// False when it was interrupted.
bool ChatEngine::run(Stepper& stepper) {
    try {
        while (stepper.step()) {
        }
        return true;
    } catch (const Error& error) {
        if (error.code() != Code::interrupted) throw;
        interrupted = false;
        return false;
    }
}

ChatEngine::Answers ChatEngine::answer(const ChatState& state, const std::string& message,
                                       const OnText& on_text) {
    const auto prompt = prompt_of(state, message);
    const auto context = static_cast<std::size_t>(context_);
    if (prompt.size() >= context)
        throw Error(
            Code::bad_input,
            fmt::format("the conversation is full: with this message it has {} tokens, and an answer "
                        "needs room in a context of {}. /undo takes back the last turn, /clear begins "
                        "anew, /save keeps it first",
                        prompt.size(), context_));
    const std::size_t n_new = std::min(static_cast<std::size_t>(state.n_token), context - prompt.size());
    const std::vector<float> strengths = state.is_side_by_side() ? state.strengths : std::vector<float>{0};
    Stepper& stepper = stepper_for(prompt.size() + n_new, strengths.size());
    std::vector<RowId> ids;
    Answers out;
    out.full = n_new < static_cast<std::size_t>(state.n_token);
    for (std::size_t i = 0; i < strengths.size(); ++i) {
        Row row;
        row.prompt = prompt;
        row.edits = state.is_side_by_side() ? edits_of_chat(state, strengths[i]) : edits_of_chat(state);
        row.max_new_tokens = static_cast<int>(n_new);
        row.sampling = state.sampling();
        ids.push_back(stepper.add(std::move(row), [&on_text, i](const TokenEvent& event) {
            on_text(i, event.text, event.finish != Finish::unfinished);
            return true;
        }));
    }
    try {
        out.interrupted = !run(stepper);
        if (out.interrupted) {
            for (const RowId id : ids) stepper.cancel(id);
            run(stepper);  // delivers the text that was not reported yet
        }
    } catch (...) {
        // Removes queued rows and results, which nobody would collect.
        for (const RowId id : ids) stepper.cancel(id), stepper.take(id);
        throw;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const RowResult result = stepper.take(ids[i]).value();
        out.all.push_back({strengths[i], valid_utf8(result.text_before_stop()), result.finish});
    }
    return out;
}

}  // namespace tiller::cli
