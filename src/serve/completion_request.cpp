#include "serve/completion_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/util.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

constexpr double kLargestPenalty = std::numeric_limits<float>::max();
constexpr std::size_t kMostPrompts = 1024;

void read_stop(Fields& fields, CompletionRequest& r) {
    const Json* stop = fields.find("stop");
    if (!stop) return;
    const Json list = stop->is_array() ? *stop : Json::array({*stop});
    if (list.size() > kMostStops)
        invalid("stop", fmt::format("{} texts, expected at most {}", list.size(), kMostStops));
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!list[i].is_string()) wrong_type(at_index("stop", i), list[i], "a text");
        r.stop.push_back(list[i].get<std::string>());
        if (r.stop.back().empty())
            invalid(at_index("stop", i), "an empty text would end every answer at once");
    }
}

void read_bias(Fields& fields, CompletionRequest& r) {
    const Json* bias = fields.find("logit_bias");
    if (!bias) return;
    if (!bias->is_object()) wrong_type("logit_bias", *bias, "an object of tokens and numbers");
    for (const auto& [key, value] : bias->items()) {
        const std::string path = "logit_bias." + excerpt(key.substr(0, 20));
        if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos)
            invalid(path, "expected a token's number as key");
        if (!value.is_number() || !(std::abs(value.get<double>()) <= 100))
            invalid(path, "expected a number from -100 to 100");
        r.sampling.bias.push_back({std::stoi(key), value.get<float>()});
    }
}

void read_sampling(Fields& fields, CompletionRequest& r) {
    Sampling& s = r.sampling;
    const auto number = [&](const char* name, double low, double high, float& value) {
        if (const auto given = fields.number(name, low, high)) value = static_cast<float>(*given);
    };
    s.temperature = 1;
    number("temperature", 0, 100, s.temperature);
    number("top_p", 0, 1, s.top_p);
    if (s.top_p <= 0) invalid("top_p", "found 0, expected more than 0 (a greedy choice is temperature 0)");
    // -1 says "off" to some clients.
    if (const auto top_k = fields.integer("top_k", -1, 1 << 30))
        s.top_k = static_cast<int>(std::max<std::int64_t>(*top_k, 0));
    number("min_p", 0, 1, s.min_p);
    number("presence_penalty", -100, 100, s.presence_penalty);
    number("frequency_penalty", -100, 100, s.frequency_penalty);
    number("repetition_penalty", 0, kLargestPenalty, s.repetition_penalty);
    if (s.repetition_penalty <= 0) invalid("repetition_penalty", "found 0, expected more than 0");
    if (const auto seed = fields.integer("seed", std::numeric_limits<std::int64_t>::min() / 2,
                                         std::numeric_limits<std::int64_t>::max() / 2)) {
        r.has_seed = true;
        s.seed = static_cast<std::uint32_t>(static_cast<std::uint64_t>(*seed));
    }
    read_bias(fields, r);
}

void read_count(Fields& fields, CompletionRequest& r) {
    const bool given = fields.has("n");
    r.n = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
    r.steering = parse_steering(fields.find("steering"), "steering");
    if (!r.steering.is_list) return;
    const std::size_t n = r.steering.entries.size();
    if (n > kMostChoices)
        invalid("steering", fmt::format("{} entries, expected at most {}", n, kMostChoices));
    if (given && n != static_cast<std::size_t>(r.n))
        invalid("steering",
                fmt::format("a list of {} entries for n = {} choices; expected one for each", n, r.n));
    r.n = static_cast<int>(n);
}

void read_limits(Fields& fields, CompletionRequest& r) {
    const auto tokens = fields.integer("max_tokens", 0, 1 << 24);
    const auto completion = fields.integer("max_completion_tokens", 0, 1 << 24);
    if (tokens && completion && *tokens != *completion)
        invalid("max_completion_tokens", "differs from max_tokens; give one of them");
    if (tokens || completion) r.max_tokens = static_cast<int>(tokens ? *tokens : *completion);
}

// What both endpoints take.
void read_common(Fields& fields, CompletionRequest& r) {
    r.model = fields.text("model").value_or("");
    read_count(fields, r);
    read_limits(fields, r);
    read_sampling(fields, r);
    read_stop(fields, r);
    r.stream = fields.boolean("stream").value_or(false);
    if (const Json* options = fields.find("stream_options")) {
        if (!r.stream) invalid("stream_options", "only with stream: true");
        Fields inner(*options, "stream_options");
        r.include_usage = inner.boolean("include_usage").value_or(false);
        inner.refuse("include_obfuscation", "not supported", false);
        inner.done();
    }
    fields.ignore({"user", "metadata", "safety_identifier", "prompt_cache_key"});
    fields.refuse("store", "answers are not stored", false);
    fields.refuse("service_tier", "there is one tier", "auto");
}

void read_format(Fields& fields) {
    const Json* format = fields.find("response_format");
    if (!format) return;
    Fields inner(*format, "response_format");
    inner.refuse("type", "only text is supported", "text");
    inner.done();
}

void finish(Fields& fields, CompletionRequest& r) {
    fields.done();
    if (r.n_choice() > kMostPrompts)
        invalid("prompt", fmt::format("{} prompts with {} choices each, expected at most {} in all",
                                      r.prompts.size(), r.n, kMostPrompts));
    if (r.max_tokens == 0 && !(r.echo && r.logprobs))
        invalid(r.chat ? "max_completion_tokens" : "max_tokens",
                r.chat ? "found 0, expected at least 1" : "0 tokens are of use with echo and logprobs only");
}

}  // namespace

CompletionRequest parse_completion(const Json& body) {
    Fields fields(body);
    CompletionRequest r;
    const Json& prompt = fields.need("prompt");
    if (prompt.is_string()) {
        r.prompts.emplace_back(prompt.get<std::string>());
    } else if (!prompt.is_array()) {
        wrong_type("prompt", prompt, "a text, a list of texts, a list of tokens or a list of such lists");
    } else if (prompt.empty()) {
        invalid("prompt", "an empty list");
    } else if (prompt.front().is_number()) {
        r.prompts.emplace_back(tokens_of(prompt, "prompt"));
    } else {
        for (std::size_t i = 0; i < prompt.size(); ++i)
            if (prompt[i].is_string())
                r.prompts.emplace_back(prompt[i].get<std::string>());
            else
                r.prompts.emplace_back(tokens_of(prompt[i], at_index("prompt", i)));
    }
    r.tokenize.special = fields.boolean("special");
    read_common(fields, r);
    if (const Json* logprobs = fields.find("logprobs"); logprobs && *logprobs != false) {
        r.logprobs = true;
        if (*logprobs != true) r.n_top = static_cast<int>(*fields.integer("logprobs", 0, kMostTop));
    }
    r.echo = fields.boolean("echo").value_or(false);
    fields.refuse("suffix", "filling in the middle is not supported");
    fields.refuse("best_of", "give n, and choose among the answers", r.n);
    finish(fields, r);
    return r;
}

CompletionRequest parse_chat_completion(const Json& body) {
    Fields fields(body);
    CompletionRequest r;
    r.chat = true;
    r.prompts.emplace_back(messages_of(fields.need("messages"), "messages"));
    r.tokenize.continue_final = fields.boolean("continue_final_message").value_or(false);
    read_common(fields, r);
    r.logprobs = fields.boolean("logprobs").value_or(false);
    if (const auto top = fields.integer("top_logprobs", 0, kMostTop)) {
        if (!r.logprobs && *top > 0) invalid("top_logprobs", "only with logprobs: true");
        r.n_top = static_cast<int>(*top);
    }
    const char* tools = "tools are not supported";
    for (const char* name : {"tools", "functions"}) fields.refuse(name, tools, Json::array());
    for (const char* name : {"tool_choice", "function_call"}) fields.refuse(name, tools, "none");
    fields.ignore({"parallel_tool_calls"});
    fields.refuse("modalities", "answers are text", Json::array({"text"}));
    for (const char* name : {"audio", "prediction", "reasoning_effort", "web_search_options", "verbosity"})
        fields.refuse(name, "not supported");
    read_format(fields);
    finish(fields, r);
    return r;
}

}  // namespace tiller::serve
