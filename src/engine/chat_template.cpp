#include "engine/chat_template.h"

#include <fmt/format.h>
#include <jinja/parser.h>
#include <jinja/runtime.h>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

// jinja is a macro for the name of the patched interpreter's namespace (cmake/jinja.cmake).
constexpr std::size_t kMaxTemplate = std::size_t{1} << 20;
constexpr std::size_t kMaxSteps = 20'000'000;
constexpr std::size_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxDepth = 400;

[[noreturn]] void refuse(Code code, const std::string& what) {
    throw Error(code, "the chat template cannot be used: " + what + "; correct it, or give another one",
                Topic::chat_template);
}

std::string with_unix_newlines(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r')
            out += text[i];
        else if (i + 1 == text.size() || text[i + 1] != '\n')
            out += '\n';
    }
    return out;
}

// The interpreter's messages have several lines: a rule, the place, the source there, the error.
std::string one_line(const std::string& message) {
    std::string place, error = message;
    if (const auto at = message.find(" at line "); at != std::string::npos)
        place = message.substr(at + 4, message.find(" in source", at) - at - 4) + ": ";
    if (const auto at = message.rfind("\nError: "); at != std::string::npos) error = message.substr(at + 8);
    for (const std::string known : {"Jinja Exception: ", "parser: Parser Error: ", "parser: ", "lexer: "})
        if (error.starts_with(known)) error.erase(0, known.size());
    std::string out;
    for (const char c : place + error) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    return valid_utf8(out);
}

[[noreturn]] void refuse_limit(const std::string& what) {
    if (what == "steps")
        refuse(Code::bad_input,
               fmt::format("it had not ended after {} steps; a loop in it does not end", kMaxSteps));
    if (what == "depth") refuse(Code::bad_input, fmt::format("it nests deeper than {} levels", kMaxDepth));
    if (what == "values")
        refuse(Code::bad_input, fmt::format("it makes more than {} values at once", kMaxValues));
    refuse(Code::bad_input, "it makes texts without end");
}

void define(jinja::context& context, std::span<const ChatMessage> messages, const TemplateInput& input) {
    auto list = jinja::mk_val<jinja::value_array>();
    for (const auto& message : messages) {
        auto object = jinja::mk_val<jinja::value_object>();
        object->insert("role", jinja::mk_val<jinja::value_string>(message.role));
        object->insert("content", jinja::mk_val<jinja::value_string>(jinja::string(message.content, true)));
        list->push_back(object);
    }
    context.set_val("messages", list);
    context.set_val("tools", jinja::mk_val<jinja::value_none>());
    context.set_val("documents", jinja::mk_val<jinja::value_none>());
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(input.add_generation_prompt));
    if (!input.bos_token.empty())
        context.set_val("bos_token", jinja::mk_val<jinja::value_string>(input.bos_token));
    if (!input.eos_token.empty())
        context.set_val("eos_token", jinja::mk_val<jinja::value_string>(input.eos_token));
    if (input.time) context.current_time = *input.time;
}

std::vector<TemplatePart> render(const std::string& source, std::span<const ChatMessage> messages,
                                 const TemplateInput& input) {
    const jinja::program program = jinja::parse_from_tokens(jinja::lexer().tokenize(source));
    jinja::context context(source);
    define(context, messages, input);
    const auto written = jinja::runtime(context).execute(program);
    const auto gathered = jinja::runtime::gather_string_parts(written);
    std::vector<TemplatePart> parts;
    for (const auto& part : gathered->val_str.parts) {
        if (part.val.empty()) continue;
        if (parts.empty() || parts.back().typed != part.is_input) parts.push_back({"", part.is_input});
        parts.back().text += part.val;
    }
    return parts;
}

}  // namespace

std::vector<TemplatePart> render_chat(std::string_view source, std::span<const ChatMessage> messages,
                                      const TemplateInput& input) {
    if (source.size() > kMaxTemplate)
        refuse(Code::bad_input,
               fmt::format("it has {} bytes, expected at most {}", source.size(), kMaxTemplate));
    std::size_t n_byte = source.size();
    for (const auto& message : messages) n_byte += message.content.size();
    std::vector<TemplatePart> parts;
    // Must outlive all values: they are counted in it, and it breaks up cycles of them.
    jinja::budget budget(kMaxSteps, (std::size_t{256} << 20) + 1000 * n_byte, kMaxValues, kMaxDepth);
    try {
        parts = render(with_unix_newlines(source), messages, input);
    } catch (const jinja::not_implemented_exception& e) {
        if (budget.exceeded) refuse_limit(budget.exceeded);
        refuse(Code::unsupported, one_line(e.what()));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        if (budget.exceeded) refuse_limit(budget.exceeded);
        refuse(Code::bad_input, one_line(e.what()));
    }
    std::string text;
    for (const auto& part : parts) text += part.text;
    if (!is_valid_utf8(text))
        refuse(Code::bad_input, "what it wrote is not UTF-8 (it may cut a character in two)");
    return parts;
}

}  // namespace tiller::engine
