// Texts to tokens, and conversations to tokens.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/util.h"
#include "engine/chat_template.h"
#include "engine/engine_log.h"
#include "engine/model_handle.h"
#include "tiller/error.h"

namespace tiller {
namespace {

// A name for a message: shortened, and without characters that a terminal would obey.
std::string shown(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return valid_utf8(out) + (name.size() > 60 ? "..." : "");
}

void check_messages(std::span<const ChatMessage> messages) {
    if (messages.empty())
        throw Error(Code::usage, "a conversation without a message; give at least one of the user's");
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto& [role, content] = messages[i];
        // No tool messages: they answer calls, and conversations here have neither calls nor tools.
        if (role != "system" && role != "user" && role != "assistant")
            throw Error(Code::bad_input,
                        fmt::format("message {} has the role \"{}\", expected \"system\", \"user\" or "
                                    "\"assistant\" (tools and their answers are not supported)",
                                    i, shown(role)));
        if (!is_valid_utf8(content))
            throw Error(Code::bad_input,
                        fmt::format("the content of message {} is not UTF-8; convert it", i));
    }
}

std::string_view trimmed(std::string_view text) {
    constexpr const char* blanks = " \t\r\n\v\f";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

// Ends the prompt where the last message's content ends, with the white space after it as far as the template
// kept that.
void cut_after(ChatPrompt& prompt, std::string_view content) {
    const auto word = trimmed(content);
    if (word.empty())
        throw Error(
            Code::usage,
            "the last message is the assistant's and empty, so there is nothing to continue; leave it out, "
            "or set continue_last = false to have it as a finished turn");
    for (auto range = prompt.contents.rbegin(); range != prompt.contents.rend(); ++range) {
        const std::string_view part =
            std::string_view(prompt.text).substr(range->begin, range->end - range->begin);
        const auto at = part.rfind(word);
        if (at == std::string_view::npos) continue;
        auto behind = content.substr(static_cast<std::size_t>(word.data() - content.data()) + word.size());
        while (!part.substr(at + word.size()).starts_with(behind)) behind.remove_suffix(1);
        range->end = range->begin + at + word.size() + behind.size();
        prompt.text.resize(range->end);
        prompt.contents.erase(range.base(), prompt.contents.end());
        return;
    }
    throw Error(Code::bad_input,
                "the chat template does not write the assistant's last message as it is, so it cannot be "
                "continued; set continue_last = false or give another template");
}

}  // namespace

std::vector<Token> Model::tokenize(std::string_view text, bool add_bos) const {
    return tokenize(text, TokenizeOptions{add_bos, false});
}

std::vector<Token> Model::tokenize(std::string_view text, const TokenizeOptions& options) const {
    const engine::EngineLog log;
    const llama_vocab* vocab = handle_->vocab();
    auto tokens =
        options.special ? handle_->special.tokenize(vocab, text) : engine::tokenize_plain(vocab, text);
    const bool has_bos = options.special && !tokens.empty() && tokens.front() == llama_vocab_bos(vocab);
    if (options.bos && info().adds_bos && !has_bos) tokens.insert(tokens.begin(), llama_vocab_bos(vocab));
    return tokens;
}

std::vector<Token> Model::tokenize_prompt(std::string_view text) const {
    if (info().control_names == ControlNames::refuse)
        if (const auto names = control_tokens_in(text); !names.empty())
            throw Error(
                Code::bad_input,
                fmt::format(
                    "the text \"{}\" holds {}, a control token's name, which would be read as pieces that "
                    "mean nothing to {}; say what it is: the token (\"special\": true in a file) or text "
                    "(\"special\": false). For a conversation in the model's own format nothing has to be "
                    "typed",
                    shown(text), shown(names.front()), shown(info().name)),
                Topic::special);
    return tokenize(text, TokenizeOptions{true, info().control_names == ControlNames::parse});
}

std::vector<std::string> Model::control_tokens_in(std::string_view text) const {
    return handle_->special.names_in(text);
}

std::vector<Token> Model::continuation(std::string_view prompt, std::string_view continuation) const {
    const auto before = tokenize_prompt(prompt);
    const auto whole = tokenize_prompt(std::string(prompt) + std::string(continuation));
    const auto split = std::mismatch(before.begin(), before.end(), whole.begin(), whole.end()).second;
    return {split, whole.end()};
}

const std::string& Model::chat_template() const noexcept { return handle_->chat_template; }

ChatPrompt Model::chat_prompt(std::span<const ChatMessage> messages, const ChatOptions& options) const {
    const engine::EngineLog log;
    check_messages(messages);
    const std::string& source = options.chat_template.empty() ? chat_template() : options.chat_template;
    if (source.empty())
        throw Error(
            Code::unsupported,
            fmt::format("{} has no chat template (metadata key tokenizer.chat_template); it may not be made "
                        "for conversations. Give one as Jinja text",
                        shown(info().name)),
            Topic::chat_template);
    const llama_vocab* vocab = handle_->vocab();
    const auto name = [&](Token token) {
        return token == LLAMA_TOKEN_NULL ? std::string() : std::string(llama_vocab_get_text(vocab, token));
    };
    const bool continues = options.continue_last && messages.back().role == "assistant";
    ChatPrompt prompt;
    for (const auto& part :
         engine::render_chat(source, messages,
                             {options.add_generation_prompt && !continues, name(llama_vocab_bos(vocab)),
                              name(llama_vocab_eos(vocab)), options.time})) {
        if (part.typed)
            prompt.contents.push_back({prompt.text.size(), prompt.text.size() + part.text.size()});
        prompt.text += part.text;
    }
    if (continues) cut_after(prompt, messages.back().content);
    prompt.tokens = handle_->special.tokenize(vocab, prompt.text, prompt.contents);
    const Token bos = llama_vocab_bos(vocab);
    if (info().adds_bos && (prompt.tokens.empty() || prompt.tokens.front() != bos))
        prompt.tokens.insert(prompt.tokens.begin(), bos);
    return prompt;
}

}  // namespace tiller
