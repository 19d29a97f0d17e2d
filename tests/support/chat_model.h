// A tiny model whose vocabulary has control tokens of a chat format, and a chat template.
#pragma once

#include <gguf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/tiny_model.h"

namespace tiller::test {

inline constexpr const char* chat_model_template =
    "{{ bos_token }}{% for m in messages %}{{ '<|turn|>' + m.role + '\n' + m.content + '<|end|>\n' }}{% "
    "endfor %}"
    "{% if add_generation_prompt %}{{ '<|turn|>assistant\n' }}{% endif %}";

/// The last of a tiny model's tokens become the control tokens "<|end|>" and "<|turn|>", the user-defined
/// piece
/// "<|", a control token "<|endofturn|>", and "<|start|>", which the engine takes for a user-defined piece
/// whatever the file says (gpt-oss). No template where `chat_template` is empty.
inline TinyOptions chat_model(const std::string& chat_template = chat_model_template) {
    TinyOptions o;
    o.metadata = [chat_template](gguf_context* g) {
        const auto id = gguf_find_key(g, "tokenizer.ggml.tokens");
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < gguf_get_arr_n(g, id); ++i)
            texts.emplace_back(gguf_get_arr_str(g, id, i));
        const auto* old = static_cast<const std::int32_t*>(
            gguf_get_arr_data(g, gguf_find_key(g, "tokenizer.ggml.token_type")));
        std::vector<std::int32_t> types(old, old + texts.size());
        const std::vector<std::pair<const char*, std::int32_t>> changed = {
            {"<|end|>", 3}, {"<|turn|>", 3}, {"<|", 4}, {"<|endofturn|>", 3}, {"<|start|>", 3}};
        for (std::size_t i = 0; i < changed.size(); ++i) {
            texts[texts.size() - 1 - i] = changed[i].first;
            types[texts.size() - 1 - i] = changed[i].second;
        }
        std::vector<const char*> pointers;
        for (const auto& text : texts) pointers.push_back(text.c_str());
        gguf_set_arr_str(g, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
        gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
        if (!chat_template.empty()) gguf_set_val_str(g, "tokenizer.chat_template", chat_template.c_str());
    };
    return o;
}

}  // namespace tiller::test
