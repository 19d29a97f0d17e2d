// /v1/completions and /v1/chat/completions: from a body to typed data. Knows no model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serve/prompt_input.h"
#include "serve/steering.h"
#include "tiller/row.h"

namespace tiller::serve {

inline constexpr int kMostChoices = 128;
inline constexpr int kMostTop = 20;
inline constexpr std::size_t kMostStops = 16;

struct CompletionRequest {
    bool chat = false;
    std::string model;                 ///< As given, may have a suffix; empty = the one served.
    std::vector<PromptInput> prompts;  ///< At least one; of a chat exactly one.
    TokenizeChoice tokenize;
    SteeringField steering;
    int n = 1;  ///< Choices of each prompt.
    std::optional<int> max_tokens;
    Sampling sampling;  ///< Its seed is that of choice 0.
    bool has_seed = false;
    std::vector<std::string> stop;
    bool logprobs = false;
    int n_top = 0;  ///< Alternatives at each token.
    bool echo = false, stream = false, include_usage = false;

    std::size_t n_choice() const { return prompts.size() * static_cast<std::size_t>(n); }
};

/// Throws Problem 400.
CompletionRequest parse_completion(const Json& body);
CompletionRequest parse_chat_completion(const Json& body);

}  // namespace tiller::serve
