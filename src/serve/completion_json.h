// Results of rows, in the format of OpenAI's API.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "tiller/model.h"
#include "tiller/row.h"

namespace tiller::serve {

/// One token of a text with what is known about it.
struct TokenEntry {
    Token token = 0;
    float logprob = 0;              ///< NaN: not known (the first token of a prompt).
    std::vector<TokenLogprob> top;  ///< Most likely first.
    std::size_t begin = 0;          ///< Its first byte in the text.
};

/// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}: of /v1/completions. top_logprobs have the
/// token itself, too, and is null without alternatives.
Json completion_logprobs(const Model& model, std::span<const TokenEntry> entries, int n_top);
/// {"content": [{"token", "id", "logprob", "bytes", "top_logprobs"}]}: of chats.
Json chat_logprobs(const Model& model, std::span<const TokenEntry> entries);
/// {"token", "id", "logprob", "bytes"}
Json token_json(const Model& model, Token token, float logprob);

/// "stop", "length", or "error" for a row that broke.
const char* finish_reason(Finish finish);
/// The error of a choice that broke.
Json broken_error(const std::string& param);

}  // namespace tiller::serve
