// Splits a chat template into the pieces of a Template, and checks that prompts made of the pieces equal
// those that the chat template writes.
#include "tiller/chat_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <numeric>
#include <span>
#include <vector>

#include "core/escape_controls.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller {
namespace {

constexpr std::time_t kDay = 1704067200;  // 1 January 2024, 00:00 UTC
constexpr int kMostAsked = 4;             // questions in the longest conversation compared

// Messages have no white space at their ends and no characters that a template might escape, so that they can
// be found in what it writes.
Task sample_task() {
    Task task;
    for (int i = 0; i < kMostAsked; ++i) {
        Item item;
        item.id = i;
        item.input = fmt::format("question {}", i + 1);
        item.output = fmt::format("answer {}", i + 1);
        item.outputs = {item.output};
        task.items.push_back(std::move(item));
    }
    return task;
}

// What the chat template writes for n_demo turns with answers and one more question.
std::string written(const Model& model, const Task& task, int n_demo, const ChatOptions& options) {
    std::vector<ChatMessage> messages;
    for (int i = 0; i < n_demo; ++i) {
        const Item& item = task.items[static_cast<std::size_t>(i)];
        messages.push_back({"user", item.input});
        messages.push_back({"assistant", item.output});
    }
    messages.push_back({"user", task.items[static_cast<std::size_t>(n_demo)].input});
    return model.chat_prompt(messages, options).text;
}

Error irregular(const Model& model, const std::string& what) {
    return Error(Code::unsupported,
                 fmt::format("the chat template of {} {}, so demonstrations cannot be written as turns; give "
                             "another template, or compare in plain text",
                             model.info().name, what),
                 Topic::chat_template);
}

// The parts of the text before, between and after the messages, one more than there are messages. Empty when
// a message is missing or out of order.
std::vector<std::string> around(const std::string& text, std::span<const std::string> messages) {
    std::vector<std::string> between;
    std::size_t at = 0;
    for (const auto& message : messages) {
        const auto found = text.find(message, at);
        if (found == std::string::npos) return {};
        between.push_back(text.substr(at, found - at));
        at = found + message.size();
    }
    between.push_back(text.substr(at));
    return between;
}

// Length of the longest common suffix.
std::size_t common_end(const std::string& a, const std::string& b) {
    const auto same = std::mismatch(
        a.rbegin(), a.rbegin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.rbegin());
    return static_cast<std::size_t>(same.first - a.rbegin());
}

// `between`: the parts before question 1, before answer 1, before question 2 and after question 2.
Template pieces_of(const Model& model, const std::vector<std::string>& between) {
    const std::string &first = between[0], &answer = between[1], &again = between[2], &last = between[3];
    Template form;
    form.is_chat = true;
    // Some templates write a blank before the answers of earlier turns but end the prompt without it: the
    // model generates it. So the blank is part of the answer, not of its prefix.
    if (!answer.starts_with(last))
        throw irregular(model, fmt::format("begins an earlier answer with \"{}\" and the one to come with "
                                           "\"{}\"",
                                           escape_line(answer), escape_line(last)));
    form.blank = answer.substr(last.size());
    if (form.blank.find_first_not_of(" \n") != std::string::npos)
        throw irregular(
            model, fmt::format("writes \"{}\" in front of earlier answers alone", escape_line(form.blank)));
    const std::size_t shared = common_end(first, again);
    std::string question = again.substr(again.size() - shared);
    if (!question.ends_with(form.blank))
        throw irregular(model, "writes a blank in front of answers and none in front of questions");
    question.resize(question.size() - form.blank.size());
    form.input_prefix = question;
    form.separator = "";
    form.output_prefix = last;
    form.end = again.substr(0, again.size() - shared);
    form.instructions = first.substr(0, first.size() - shared);
    return form;
}

}  // namespace

Template chat_form(const Model& model, const std::string& chat_template) {
    ChatOptions options;
    options.chat_template = chat_template;
    options.time = kDay;
    const Task task = sample_task();
    const std::vector<std::string> messages = {task.items[0].input, task.items[0].output,
                                               task.items[1].input};
    const auto between = around(written(model, task, 1, options), messages);
    if (between.empty()) throw irregular(model, "does not write the messages as they are, in their order");
    Template form = pieces_of(model, between);
    for (int n_demo = 0; n_demo < kMostAsked; ++n_demo) {
        std::vector<int> demos(static_cast<std::size_t>(n_demo));
        std::iota(demos.begin(), demos.end(), 0);
        const std::string ours = make_prompt(task, demos, n_demo, form).text;
        const std::string its = written(model, task, n_demo, options);
        if (ours != its)
            throw irregular(model,
                            fmt::format("writes turns otherwise in a conversation of {} questions than "
                                        "in one of two",
                                        n_demo + 1));
    }
    return form;
}

std::string read_chat_template(const std::filesystem::path& path) {
    constexpr std::uintmax_t most = std::uintmax_t{1} << 20;  // ChatOptions::chat_template
    std::string text = read_file(path, most);
    if (text.empty())
        throw Error(Code::bad_input, fmt::format("{}: empty, expected a chat template", path.string()));
    return text;
}

void require_no_control_names(const Model& model, const Task& task) {
    for (const Item& item : task.items) {
        std::vector<std::string> texts = item.outputs;
        texts.push_back(item.input);
        for (const auto& text : texts)
            if (const auto names = model.control_tokens_in(text); !names.empty())
                throw Error(Code::bad_input,
                            fmt::format("task {}, item {}: the text holds {}, the name of a control token of "
                                        "{}, which would end a turn in the middle of a conversation; take it "
                                        "out, or compare in plain text",
                                        task.name, item.id, escape_line(names.front()), model.info().name));
    }
}

}  // namespace tiller
