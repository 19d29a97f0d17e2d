// Renders chat templates (Jinja) with llama.cpp's interpreter, bounded: a template comes from a model file
// and may be anything. Knows no model.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/chat.h"

namespace tiller::engine {

/// What a template sees besides the messages.
struct TemplateInput {
    bool add_generation_prompt = true;
    std::string bos_token, eos_token;  ///< Their texts; an empty one is not defined for the template.
    std::optional<std::time_t> time;   ///< For strftime_now(); empty = the clock.
};

/// A piece of what a template wrote; neighbours differ in `typed`.
struct TemplatePart {
    std::string text;
    bool typed = false;  ///< Comes from a message's content, whatever the template did to it.
};

/// Renders `source` as Hugging Face's transformers does (trim_blocks, lstrip_blocks, break and continue,
/// tojson, raise_exception, strftime_now, tools and documents None). No part is empty. Takes at most 20
/// million steps, 400 levels of nesting (of the text, of calls, of values), a million values and 256 MiB of
/// copied characters plus 1000 times the input. Throws bad_input (more than that, more than 1 MiB of
/// template, a syntax error, raise_exception() with its message, text that is not UTF-8) and unsupported
/// (Jinja that the interpreter lacks). Thread-safe.
std::vector<TemplatePart> render_chat(std::string_view source, std::span<const ChatMessage> messages,
                                      const TemplateInput& input);

}  // namespace tiller::engine
