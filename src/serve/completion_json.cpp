#include "serve/completion_json.h"

#include <cmath>

#include "core/util.h"
#include "serve/problem.h"
#include "serve/prompt_input.h"

namespace tiller::serve {
namespace {

Json number_or_null(float value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string shown(const Model& model, Token token) { return valid_utf8(token_bytes(model, token)); }

// Two tokens may have the same text (parts of one character): the likelier one is kept.
void note(Json& tops, const std::string& text, float logprob) {
    const auto it = tops.find(text);
    if (it == tops.end() || it->get<float>() < logprob) tops[text] = logprob;
}

}  // namespace

Json completion_logprobs(const Model& model, std::span<const TokenEntry> entries, int n_top) {
    Json tokens = Json::array(), logprobs = Json::array(), tops = Json::array(), offsets = Json::array();
    Json ids = Json::array();
    for (const TokenEntry& entry : entries) {
        const std::string text = shown(model, entry.token);
        tokens.push_back(text);
        ids.push_back(entry.token);
        logprobs.push_back(number_or_null(entry.logprob));
        offsets.push_back(entry.begin);
        if (!std::isfinite(entry.logprob)) {
            tops.push_back(nullptr);
            continue;
        }
        Json top = Json::object();
        for (const TokenLogprob& t : entry.top) note(top, shown(model, t.token), t.logprob);
        note(top, text, entry.logprob);
        tops.push_back(top);
    }
    return {{"tokens", tokens},
            {"ids", ids},
            {"token_logprobs", logprobs},
            {"top_logprobs", n_top > 0 ? tops : Json(nullptr)},
            {"text_offset", offsets}};
}

Json token_json(const Model& model, Token token, float logprob) {
    const std::string bytes = token_bytes(model, token);
    Json list = Json::array();
    for (char c : bytes) list.push_back(static_cast<unsigned char>(c));
    return {
        {"token", valid_utf8(bytes)}, {"id", token}, {"logprob", number_or_null(logprob)}, {"bytes", list}};
}

Json chat_logprobs(const Model& model, std::span<const TokenEntry> entries) {
    Json content = Json::array();
    for (const TokenEntry& entry : entries) {
        Json json = token_json(model, entry.token, entry.logprob);
        json["top_logprobs"] = Json::array();
        for (const TokenLogprob& t : entry.top)
            json["top_logprobs"].push_back(token_json(model, t.token, t.logprob));
        content.push_back(std::move(json));
    }
    return {{"content", content}, {"refusal", nullptr}};
}

const char* finish_reason(Finish finish) {
    switch (finish) {
        case Finish::end_token:
        case Finish::stop_text: return "stop";
        case Finish::broken: return "error";
        default: return "length";
    }
}

Json broken_error(const std::string& param) {
    const Problem problem(400, "steering_broke",
                          "the vectors drove the model's numbers to NaN or infinity; give a smaller scale",
                          param);
    return Json::parse(error_body(problem)).at("error");
}

}  // namespace tiller::serve
