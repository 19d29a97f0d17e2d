// The commands within `tiller chat`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/chat_session.h"
#include "cli/stream.h"
#include "core/near_names.h"
#include "core/util.h"
#include "report/escape.h"
#include "tiller/error.h"

namespace tiller::cli {

// The commands' functions. Each gets the text after the command's name, trimmed.
struct ChatCommands {
    static void scale(ChatSession& s, const std::string& text);
    static void vector(ChatSession& s, const std::string& text);
    static void vectors(ChatSession& s, const std::string& text);
    static void strengths(ChatSession& s, const std::string& text);
    static void take(ChatSession& s, const std::string& text);
    static void off(ChatSession& s, const std::string& text) { steer(s, text, false); }
    static void on(ChatSession& s, const std::string& text) { steer(s, text, true); }
    static void undo(ChatSession& s, const std::string& text);
    static void retry(ChatSession& s, const std::string& text);
    static void system(ChatSession& s, const std::string& text);
    static void clear(ChatSession& s, const std::string& text);
    static void save(ChatSession& s, const std::string& text);
    static void load(ChatSession& s, const std::string& text);
    static void help(ChatSession&, const std::string&) { print(chat_help()); }
    static void quit(ChatSession& s, const std::string&) { s.ended_ = true; }

private:
    static void steer(ChatSession& s, const std::string& text, bool on);
    static ChatVector& find(ChatSession& s, const std::string& name);
};

namespace {

using Body = void (*)(ChatSession&, const std::string&);
struct ChatCommand {
    const char *name, *arguments, *text;
    Body body;
};
constexpr ChatCommand kChatCommands[] = {
    {"scale", "X", "strength of all vectors, as after the colon of --vector", ChatCommands::scale},
    {"scale", "NAME X", "strength of one vector, by name or number", ChatCommands::scale},
    {"vector", "FILE[:scale][:positions][@A-B]", "add a vector", ChatCommands::vector},
    {"vectors", "", "list the vectors", ChatCommands::vectors},
    {"off", "", "answer unsteered", ChatCommands::off},
    {"on", "", "answer steered again", ChatCommands::on},
    {"strengths", "A,B,...", "answers at these strengths side by side, and unsteered; alone: one answer",
     ChatCommands::strengths},
    {"take", "N", "go on with answer N; without it, with the first steered one", ChatCommands::take},
    {"undo", "", "take back the last turn", ChatCommands::undo},
    {"retry", "", "answer the last message again", ChatCommands::retry},
    {"system", "TEXT", "set the system message; alone: remove it", ChatCommands::system},
    {"clear", "", "forget all messages", ChatCommands::clear},
    {"save", "FILE.json", "write messages, vectors and settings", ChatCommands::save},
    {"load", "FILE.json", "go on with what was saved", ChatCommands::load},
    {"help", "", "print this", ChatCommands::help},
    {"quit", "", "end; Ctrl-D does too", ChatCommands::quit},
};

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t");
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// User input, made safe and short enough for a message.
std::string shown(const std::string& text) {
    return report::terminal_text(report::fit(valid_utf8(text), 60));
}

std::string turns(const ChatState& state) {
    const std::size_t n = state.messages.size() / 2;
    return fmt::format("{} turn{}", n, n == 1 ? "" : "s");
}

void want(const std::string& text, const char* command, const char* expected) {
    if (text.empty())
        throw Error(Code::usage,
                    fmt::format("/{0} has nothing after it, expected /{0} {1}", command, expected));
}

void want_nothing(const std::string& text, const char* command) {
    if (!text.empty())
        throw Error(Code::usage,
                    fmt::format("/{0} takes nothing after it, found '{1}'", command, shown(text)));
}

}  // namespace

ChatVector& ChatCommands::find(ChatSession& s, const std::string& name) {
    auto& vectors = s.state_.vectors;
    std::vector<std::string> names;
    std::vector<ChatVector*> found;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        names.push_back(vectors[i].name);
        if (vectors[i].name == name || std::to_string(i + 1) == name) found.push_back(&vectors[i]);
    }
    if (found.size() == 1) return *found.front();
    if (found.size() > 1)
        throw Error(Code::usage, fmt::format("{} vectors are called {}; say which by its number in /vectors",
                                             found.size(), shown(name)));
    const auto near = near_names(name, names);
    throw Error(Code::usage, fmt::format("there is no vector {}{}; /vectors lists them", shown(name),
                                         near.empty() ? "" : ", did you mean " + shown(near.front()) + "?"));
}

void ChatCommands::scale(ChatSession& s, const std::string& text) {
    want(text, "scale", "X or /scale NAME X");
    if (s.state_.vectors.empty())
        throw Error(Code::usage, "there is no vector to scale; /vector FILE adds one");
    const auto blank = text.find_last_of(" \t");
    const float scale = parse_number("the scale", blank == std::string::npos ? text : text.substr(blank + 1));
    if (blank == std::string::npos)
        for (auto& vector : s.state_.vectors) vector.scale = scale;
    else
        find(s, trimmed(text.substr(0, blank))).scale = scale;
    if (!s.state_.steering) s.tell("steering is off; /on turns it on");
    if (s.state_.is_side_by_side())
        s.tell("answers come at the strengths of --strengths; /strengths alone ends that");
}

void ChatCommands::vector(ChatSession& s, const std::string& text) {
    want(text, "vector", "FILE[:scale][:positions][@A-B]");
    s.state_.vectors.push_back(load_chat_vector(text, s.info_, s.globals_, s.layers_));
    const ChatVector& added = s.state_.vectors.back();
    s.tell(fmt::format("{} at scale {}", shown(added.name), added.scale));
}

void ChatCommands::vectors(ChatSession& s, const std::string& text) {
    want_nothing(text, "vectors");
    const ChatState& state = s.state_;
    std::string out;
    for (std::size_t i = 0; i < state.vectors.size(); ++i) {
        const ChatVector& v = state.vectors[i];
        std::vector<int> layers;
        for (const auto& [layer, direction] : v.vector.directions) layers.push_back(layer);
        out += fmt::format("{}  {}  scale {}  {} at {}, layer {}\n", i + 1, shown(v.name), v.scale,
                           operation_name(v.vector.operation), site_name(v.vector.site),
                           layers.size() == 1 ? std::to_string(layers[0])
                                              : fmt::format("{} to {}", layers.front(), layers.back()));
    }
    if (state.vectors.empty()) out = "no vectors; /vector FILE adds one\n";
    if (!state.vectors.empty() && !state.steering) out += "steering is off\n";
    if (state.is_side_by_side()) out += fmt::format("side by side at {}\n", fmt::join(state.strengths, ", "));
    print(out);
}

void ChatCommands::strengths(ChatSession& s, const std::string& text) {
    s.state_.strengths = text.empty() ? std::vector<float>{} : parse_strengths(text);
    if (s.state_.vectors.empty() && !text.empty()) s.tell("there is no vector yet; /vector FILE adds one");
}

void ChatCommands::take(ChatSession& s, const std::string& text) {
    want(text, "take", "N");
    const auto& answers = s.state_.answers;
    if (answers.empty())
        throw Error(Code::usage, "there is one answer only; /strengths 0.4,0.8 gives several");
    for (std::size_t i = 0; i < answers.size(); ++i)
        if (std::to_string(i + 1) == text) {
            if (answers[i].finish == Finish::broken || answers[i].text.empty())
                throw Error(Code::usage, fmt::format("answer {} is {}", text,
                                                     answers[i].text.empty() ? "empty" : "broken"));
            s.state_.messages.back().content = answers[i].text;
            return;
        }
    throw Error(Code::usage,
                fmt::format("there is no answer {}, expected 1 to {}", shown(text), answers.size()));
}

void ChatCommands::steer(ChatSession& s, const std::string& text, bool on) {
    want_nothing(text, on ? "on" : "off");
    s.state_.steering = on;
    if (on && s.state_.vectors.empty()) s.tell("there is no vector yet; /vector FILE adds one");
}

void ChatCommands::undo(ChatSession& s, const std::string& text) {
    want_nothing(text, "undo");
    auto& messages = s.state_.messages;
    if (messages.empty()) throw Error(Code::usage, "there is no turn to take back");
    s.tell("took back: " + shown(messages[messages.size() - 2].content));
    messages.resize(messages.size() - 2);
    s.state_.answers.clear();
    s.state_.unanswered.clear();
}

void ChatCommands::retry(ChatSession& s, const std::string& text) {
    want_nothing(text, "retry");
    if (!s.state_.unanswered.empty()) return s.say(std::string(s.state_.unanswered));
    auto& messages = s.state_.messages;
    if (messages.empty()) throw Error(Code::usage, "there is no message to answer again");
    const ChatState before = s.state_;
    const std::string message = messages[messages.size() - 2].content;
    messages.resize(messages.size() - 2);
    s.state_.answers.clear();
    try {
        s.say(message);
    } catch (const Error&) {
        s.state_ = before;  // the first answer stays
        throw;
    }
    // Nothing came: the first answer stays.
    if (messages.size() < before.messages.size()) {
        messages = before.messages, s.state_.answers = before.answers;
        s.state_.unanswered.clear();
    } else if (s.state_.temperature == 0 && messages.back().content == before.messages.back().content) {
        s.tell("(the same answer: at temperature 0 nothing is left to chance)");
    }
}

void ChatCommands::system(ChatSession& s, const std::string& text) {
    if (s.engine_.is_plain())
        throw Error(Code::usage, "the model has no chat template, so there are no system messages");
    s.state_.system = text;
    s.tell(text.empty() ? "no system message" : "system message: " + shown(text));
}

void ChatCommands::clear(ChatSession& s, const std::string& text) {
    want_nothing(text, "clear");
    s.state_.messages.clear();
    s.state_.answers.clear();
    s.state_.unanswered.clear();
}

void ChatCommands::save(ChatSession& s, const std::string& text) {
    want(text, "save", "FILE.json");
    save_chat(s.state_, s.info_, text);
    s.tell(fmt::format("saved {} to {}", turns(s.state_), shown(text)));
}

void ChatCommands::load(ChatSession& s, const std::string& text) {
    want(text, "load", "FILE.json");
    ChatState loaded = load_chat(text, s.info_, s.globals_);
    if (s.engine_.is_plain() && !loaded.system.empty())
        throw Error(
            Code::bad_input,
            fmt::format("{} has a system message, and the model has no chat template to write it with",
                        shown(text)));
    s.state_ = std::move(loaded);
    s.tell(fmt::format("{}, vectors: {}", turns(s.state_), s.state_.vectors.size()));
}

std::string chat_help() {
    std::string text;
    for (const ChatCommand& command : kChatCommands)
        text +=
            fmt::format("/{:<27} {}\n", fmt::format("{} {}", command.name, command.arguments), command.text);
    return text + "//TEXT                       a message that begins with /\n";
}

void run_chat_command(ChatSession& session, const std::string& line) {
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    const std::string name = line.substr(1, blank - 1);
    std::vector<std::string> names;
    for (const ChatCommand& command : kChatCommands) {
        if (command.name == name) return command.body(session, trimmed(line.substr(blank)));
        names.emplace_back(command.name);
    }
    const auto near = near_names(name, names);
    throw Error(
        Code::usage,
        fmt::format("there is no command /{}{}; /help lists them, and // begins a message with /",
                    shown(name), near.empty() ? "" : fmt::format(", did you mean /{}?", near.front())));
}

}  // namespace tiller::cli
