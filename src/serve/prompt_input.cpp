#include "serve/prompt_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "serve/problem.h"
#include "tasks/json_events.h"
#include "tiller/error.h"

namespace tiller::serve {
namespace {

std::string content_of(const Json& content, const std::string& path) {
    if (content.is_string()) return content.get<std::string>();
    if (!content.is_array()) wrong_type(path, content, "a text or a list of parts");
    std::string text;
    for (std::size_t i = 0; i < content.size(); ++i) {
        Fields part(content[i], at_index(path, i));
        const auto type = part.text("type");
        if (type != "text")
            throw Problem(400, "unsupported",
                          fmt::format("{} has the type {}; this server reads parts of type text",
                                      at_index(path, i), type ? excerpt(*type) : "(none)"),
                          part.path_of("type"));
        part.need("text");
        text += *part.text("text");
        part.done();
    }
    return text;
}

std::vector<Token> tokenize_text(const std::string& text, const Model& model, const TokenizeChoice& choice,
                                 const std::string& path) {
    if (!choice.special) {
        if (const auto names = model.control_tokens_in(text); !names.empty())
            throw Problem(
                400, "invalid_value",
                fmt::format("{} holds {}, which can be a control token or its letters; say which with "
                            "\"special\": true or false, or send tokens",
                            path, excerpt(names.front())),
                path);
    }
    TokenizeOptions options;
    options.special = choice.special.value_or(false);
    return model.tokenize(text, options);
}

std::vector<Token> tokenize_chat(const std::vector<ChatMessage>& messages, const Model& model,
                                 const TokenizeChoice& choice, const std::string& path) {
    if (choice.continue_final && messages.back().role != "assistant")
        throw Problem(400, "invalid_value",
                      "continue_final_message: the last message is not the assistant's, so there is nothing "
                      "to continue",
                      "continue_final_message");
    ChatOptions options;
    options.add_generation_prompt = choice.add_generation_prompt;
    options.continue_last = choice.continue_final;
    options.chat_template = choice.chat_template;
    try {
        return model.chat_prompt(messages, options).tokens;
    } catch (const Error&) {
        Problem problem = problem_of(std::current_exception(), path);
        if (problem.code == "no_chat_template")
            problem.message =
                "this model has no chat template; /v1/completions continues plain text, and the server can "
                "be started "
                "with a template";
        throw problem;
    }
}

}  // namespace

std::vector<Token> tokens_of(const Json& value, const std::string& path) {
    if (!value.is_array()) wrong_type(path, value, "a list of tokens");
    std::vector<Token> tokens;
    tokens.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        const Json& token = value[i];
        if (!token.is_number_integer() || token.get<double>() < 0 ||
            token.get<double>() > std::numeric_limits<Token>::max())
            wrong_type(at_index(path, i), token, "a token, a whole number from 0");
        tokens.push_back(token.get<Token>());
    }
    return tokens;
}

std::vector<ChatMessage> messages_of(const Json& value, const std::string& path) {
    if (!value.is_array()) wrong_type(path, value, "a list of messages");
    if (value.empty()) invalid(path, "no message, expected at least one");
    std::vector<ChatMessage> messages;
    for (std::size_t i = 0; i < value.size(); ++i) {
        Fields fields(value[i], at_index(path, i));
        ChatMessage message;
        message.role = fields.need_text("role");
        if (message.role == "developer") message.role = "system";
        if (message.role != "system" && message.role != "user" && message.role != "assistant")
            throw Problem(400, "unsupported",
                          fmt::format("{}: the role {} is not known, expected system, user or assistant",
                                      fields.path_of("role"), excerpt(message.role)),
                          fields.path_of("role"));
        message.content = content_of(fields.need("content"), fields.path_of("content"));
        for (const char* name : {"tool_calls", "tool_call_id", "function_call", "audio"})
            fields.refuse(name, "tools and audio are not supported", Json::array());
        fields.ignore({"name", "refusal", "annotations"});
        fields.done();
        messages.push_back(std::move(message));
    }
    return messages;
}

PromptInput prompt_or_messages(Fields& fields) {
    const Json* prompt = fields.find("prompt");
    const Json* messages = fields.find("messages");
    if (!prompt == !messages)
        throw Problem(400, prompt ? "invalid_value" : "missing_field", "expected one of prompt and messages",
                      fields.path_of("prompt"));
    if (messages) return messages_of(*messages, fields.path_of("messages"));
    if (prompt->is_string()) return prompt->get<std::string>();
    return tokens_of(*prompt, fields.path_of("prompt"));
}

std::vector<Token> tokenize(const PromptInput& input, const Model& model, const TokenizeChoice& choice,
                            const std::string& path) {
    std::vector<Token> tokens;
    if (const auto* text = std::get_if<std::string>(&input))
        tokens = tokenize_text(*text, model, choice, path);
    else if (const auto* given = std::get_if<std::vector<Token>>(&input))
        tokens = *given;
    else
        tokens = tokenize_chat(std::get<std::vector<ChatMessage>>(input), model, choice, path);
    if (tokens.empty())
        invalid(path,
                "the prompt has no tokens, and this model begins with none; give at least one character");
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (tokens[i] >= model.info().n_vocab)
            invalid(at_index(path, i),
                    fmt::format("token {} is not in the vocabulary of {}", tokens[i], model.info().n_vocab));
    return tokens;
}

std::string token_bytes(const Model& model, Token token) { return model.text({&token, 1}); }

}  // namespace tiller::serve
