#include "cli/prompts.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/json_input.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxTemplate = std::uint64_t{1} << 20;

std::string standard_input() {
    std::string bytes;
    char buffer[1 << 16];
    while (std::cin.read(buffer, sizeof buffer), std::cin.gcount() > 0) {
        bytes.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
        if (bytes.size() > kMaxFile)
            throw Error(Code::bad_input, fmt::format("standard input has more than {} bytes", kMaxFile));
    }
    return bytes;
}

// Standard input has no name, so its first characters say which of the two it is.
bool is_json_lines(const PromptOptions& o, std::string_view bytes) {
    if (o.file != "-") return o.file.ends_with(".jsonl");
    const auto begin = bytes.find_first_not_of(" \t\r\n");
    return begin != std::string_view::npos && (bytes.substr(begin).starts_with("{\"prompt\"") ||
                                               bytes.substr(begin).starts_with("{\"messages\""));
}

std::vector<PromptLine> lines_of(const PromptOptions& o) {
    std::vector<PromptLine> lines;
    for (const auto& prompt : o.prompts) lines.push_back({prompt, {}});
    if (!o.file.empty()) {
        const std::string bytes = o.file == "-" ? standard_input() : read_file(o.file, kMaxFile);
        const auto more =
            parse_prompt_lines(bytes, o.file == "-" ? "standard input" : o.file, is_json_lines(o, bytes));
        lines.insert(lines.end(), more.begin(), more.end());
    }
    return lines;
}

std::vector<ChatMessage> messages_of(const PromptOptions& o, const PromptLine& line) {
    std::vector<ChatMessage> messages = line.messages;
    if (messages.empty()) messages.push_back({"user", line.prompt});
    if (o.system.empty()) return messages;
    if (messages.front().role == "system")
        throw Error(
            Code::usage,
            "--system is given and a conversation has a system message of its own; expected one of the two");
    messages.insert(messages.begin(), {"system", o.system});
    return messages;
}

ReadyPrompt ready(const Model& model, const PromptOptions& o, const PromptLine& line) {
    if (!line.messages.empty())
        throw Error(Code::usage, "the file of prompts holds \"messages\", which need --chat");
    // Without --special or --no-special, prompts that hold names of control tokens are refused.
    if (!o.special && !o.no_special) return {line.prompt, model.tokenize_prompt(line.prompt)};
    return {line.prompt, model.tokenize(line.prompt, {.bos = true, .special = o.special})};
}

}  // namespace

void add_prompt_options(CLI::App& command, PromptOptions& o, bool files) {
    auto* prompt = command.add_option("-p,--prompt", o.prompts,
                                      files ? "Prompt text; may be given several times" : "Prompt text");
    if (files)
        command.add_option(
            "-f,--file", o.file,
            "Prompts, one per line (.jsonl: {\"prompt\"} or {\"messages\"}); - = standard input");
    else
        prompt->expected(1)->required();
    auto* chat =
        command.add_flag("--chat", o.chat, "Prompts are what a user says, in the model's own chat format");
    command.add_option("--system", o.system, "System message of each conversation")->needs(chat);
    command
        .add_option("--template", o.template_file,
                    "Chat template (a file of Jinja) instead of the model's own")
        ->needs(chat);
    auto* special =
        command.add_flag("--special", o.special, "Names of control tokens in prompts are the tokens")
            ->excludes(chat);
    command
        .add_flag("--no-special", o.no_special, "Names of control tokens in prompts are text like any other")
        ->excludes(chat)
        ->excludes(special);
}

std::vector<ReadyPrompt> ready_prompts(const Model& model, const PromptOptions& o) {
    const auto lines = lines_of(o);
    if (lines.empty()) throw Error(Code::usage, "no prompt; give -p TEXT or -f FILE");
    ChatOptions options;
    if (!o.template_file.empty()) options.chat_template = read_file(o.template_file, kMaxTemplate);
    if (!o.template_file.empty() && options.chat_template.empty())
        throw Error(Code::bad_input, fmt::format("{}: empty, expected a chat template", o.template_file));
    std::vector<ReadyPrompt> out;
    for (const auto& line : lines) {
        if (!o.chat) {
            out.push_back(ready(model, o, line));
            continue;
        }
        auto prompt = model.chat_prompt(messages_of(o, line), options);
        out.push_back({std::move(prompt.text), std::move(prompt.tokens)});
    }
    return out;
}

}  // namespace tiller::cli
