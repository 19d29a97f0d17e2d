// /tokenize, /detokenize, /apply-template and /tokenizer_info: names and replies as in llama.cpp's server,
// and as evaluation harnesses expect of vLLM's.
#include <fmt/format.h>

#include "core/util.h"
#include "serve/base64.h"
#include "serve/prompt_input.h"
#include "serve/service.h"

namespace tiller::serve {

void post_tokenize(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    // llama.cpp says content, vLLM prompt; the latter reads control tokens' names.
    const bool other = fields.has("prompt");
    if (other && fields.has("content"))
        throw Problem(400, "invalid_value", "prompt is another name for content; give one of them", "prompt");
    const char* name = other ? "prompt" : "content";
    const std::string content = fields.need_text(name);
    const auto special = fields.boolean("add_special"), tokens_too = fields.boolean("add_special_tokens");
    TokenizeOptions options;
    options.bos = special.value_or(tokens_too.value_or(other));
    options.special = fields.boolean("parse_special").value_or(other);
    const bool pieces = fields.boolean("with_pieces").value_or(false);
    fields.refuse("return_token_strs", "give with_pieces", false);
    fields.ignore({"model"});
    fields.done();
    Json tokens = Json::array();
    for (Token token : service.model.tokenize(content, options)) {
        if (pieces)
            tokens.push_back({{"id", token}, {"piece", valid_utf8(token_bytes(service.model, token))}});
        else
            tokens.push_back(token);
    }
    const std::size_t n = tokens.size();
    send_json(reply, 200,
              {{"tokens", std::move(tokens)},
               {"count", n},
               {"max_model_len", service.worker.options().row_tokens}});
}

void post_detokenize(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    const auto tokens = tokens_of(fields.need("tokens"), "tokens");
    fields.ignore({"model"});
    fields.done();
    std::string text;
    if (!tokens.empty()) text = service.model.text(tokenize(tokens, service.model, {}, "tokens"));
    const std::string shown = valid_utf8(text);
    send_json(reply, 200, {{"content", shown}, {"prompt", shown}, {"bytes", base64(text)}});
}

void post_apply_template(Service& service, const Request& request, const std::shared_ptr<Reply>& reply) {
    const Json body = parse_json(request.body);
    Fields fields(body);
    const auto messages = messages_of(fields.need("messages"), "messages");
    ChatOptions options;
    options.add_generation_prompt = fields.boolean("add_generation_prompt").value_or(true);
    options.chat_template = service.options.chat_template;
    options.continue_last = fields.boolean("continue_final_message").value_or(false);
    fields.ignore({"model"});
    fields.done();
    const ChatPrompt prompt = service.model.chat_prompt(messages, options);
    send_json(reply, 200, {{"prompt", valid_utf8(prompt.text)}, {"tokens", prompt.tokens}});
}

void get_tokenizer_info(Service& service, const Request&, const std::shared_ptr<Reply>& reply) {
    const Model& model = service.model;
    const ModelInfo& info = model.info();
    const auto name_of = [&](Token token) {
        return token < 0 ? Json(nullptr) : Json(valid_utf8(model.piece(token)));
    };
    const std::string& own = model.chat_template();
    const std::string& used = service.options.chat_template.empty() ? own : service.options.chat_template;
    send_json(reply, 200,
              {{"bos_token", name_of(info.bos)},
               {"eos_token", name_of(info.eos)},
               {"chat_template", used.empty() ? Json(nullptr) : Json(valid_utf8(used))},
               {"n_vocab", info.n_vocab}});
}

}  // namespace tiller::serve
