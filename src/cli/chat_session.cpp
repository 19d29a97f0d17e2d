#include "cli/chat_session.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cli/side_by_side.h"
#include "cli/stream.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

int terminal_columns() {
    winsize size = {};
    if (!prints_to_terminal()) return 0;
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string head_of(std::size_t i, float strength) {
    return strength == 0 ? fmt::format("[{}] unsteered", i + 1)
                         : fmt::format("[{}] strength {}", i + 1, strength);
}

// One answer, as it comes.
class OneAnswer {
public:
    void add(const std::string& text) {
        if (text.empty()) return;
        ends_line_ = text.back() == '\n';
        print_data(text);
    }
    void end() const {
        if (!ends_line_) print("\n");
    }

private:
    // An empty answer prints a line break in a pipe, which gets one line per answer, but not on a terminal.
    bool ends_line_ = prints_to_terminal();
};

bool is_usable(const ChatAnswer& answer) { return answer.finish != Finish::broken && !answer.text.empty(); }

}  // namespace

ChatSession::ChatSession(ChatEngine& engine, const ModelInfo& info, const Globals& globals, ChatState state,
                         LayerRange layers)
    : engine_(engine), info_(info), globals_(globals), state_(std::move(state)), layers_(layers) {}

void ChatSession::take_line(const std::string& line) {
    interrupted_ = false;
    if (line.find_first_not_of(" \t") == std::string::npos) return;
    if (line.front() != '/') return say(line);
    if (line.starts_with("//")) return say(line.substr(1));
    run_chat_command(*this, line);
}

ChatEngine::Answers ChatSession::print_answers(const std::string& message) {
    if (!state_.is_side_by_side()) {
        OneAnswer one;
        auto answers = engine_.answer(state_, message,
                                      [&](std::size_t, const std::string& text, bool) { one.add(text); });
        one.end();
        return answers;
    }
    std::vector<std::string> heads;
    for (std::size_t i = 0; i < state_.strengths.size(); ++i)
        heads.push_back(head_of(i, state_.strengths[i]));
    SideBySide texts(heads, terminal_columns(), print_data);
    return engine_.answer(state_, message, [&](std::size_t i, const std::string& text, bool last) {
        texts.add(i, as_data(text), last);
    });
}

void ChatSession::say(const std::string& message) {
    try {
        auto answers = print_answers(message);
        interrupted_ = answers.interrupted;
        state_.n_answer += 1;
        remark(answers);
        choose_and_keep(message, std::move(answers));
    } catch (const Error&) {
        state_.unanswered = message;
        throw;
    }
}

// Notes on answers that did not end by themselves.
void ChatSession::remark(const ChatEngine::Answers& answers) {
    const auto is = [&](Finish finish) {
        return std::any_of(answers.all.begin(), answers.all.end(),
                           [&](const ChatAnswer& answer) { return answer.finish == finish; });
    };
    if (answers.interrupted) tell("(stopped)");
    if (!is(Finish::length)) return;
    tell(answers.full ? fmt::format("(cut: the conversation fills the context of {} tokens; /undo takes back "
                                    "the last turn, /clear begins anew)",
                                    engine_.context())
                      : fmt::format("(cut after {} tokens, see --tokens)", state_.n_token));
}

void ChatSession::choose_and_keep(const std::string& message, ChatEngine::Answers answers) {
    const auto& all = answers.all;
    std::string broken;
    float largest = 0;
    for (const auto& answer : all)
        if (answer.finish == Finish::broken) {
            const float strength = state_.is_side_by_side() ? answer.strength : 0;
            if (strength != 0) broken += fmt::format("{}strength {}", broken.empty() ? "" : ", ", strength);
            largest = std::max(largest, std::abs(strength));
        }
    const bool is_broken =
        std::any_of(all.begin(), all.end(), [](const auto& a) { return a.finish == Finish::broken; });
    for (const auto& vector : state_.vectors)
        if (!state_.is_side_by_side()) largest = std::max(largest, std::abs(vector.scale));
    // The first usable steered answer, else any usable one.
    auto chosen = std::find_if(all.begin(), all.end(), [&](const ChatAnswer& answer) {
        return is_usable(answer) && (!state_.is_side_by_side() || answer.strength != 0);
    });
    if (chosen == all.end()) chosen = std::find_if(all.begin(), all.end(), is_usable);
    const std::string advice =
        fmt::format("the vectors drove the model's numbers to NaN or infinity{}; use a smaller scale, {}",
                    broken.empty() ? "" : " at " + broken,
                    state_.is_side_by_side() ? "with /strengths" : fmt::format("/scale {:.3g}", largest / 2));
    if (chosen == all.end()) {
        if (is_broken)
            throw Error(Code::bad_input, advice + ", then /retry; the message is not in the conversation");
        state_.unanswered = message;
        tell("(no answer; the message is not in the conversation, /retry asks again)");
        return;
    }
    if (is_broken) tell(advice);
    state_.unanswered.clear();
    state_.messages.push_back({"user", message});
    state_.messages.push_back({"assistant", chosen->text});
    if (all.size() > 1)
        tell(fmt::format("the conversation goes on with [{}]; /take N chooses another",
                         chosen - all.begin() + 1));
    state_.answers = all.size() > 1 ? std::move(answers.all) : std::vector<ChatAnswer>{};
}

}  // namespace tiller::cli
