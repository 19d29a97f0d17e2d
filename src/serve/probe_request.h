// What /v1/next, /v1/logprobs and /v1/activations have in common: one prompt, under one steering or several.
#pragma once

#include <vector>

#include "serve/prompt_input.h"
#include "serve/service.h"

namespace tiller::serve {

struct Probe {
    std::vector<Token> prompt;
    std::vector<Steering> steerings;  ///< At least one.
    bool is_list = false;
};

/// Reads model, prompt or messages, special, add_generation_prompt, continue_final_message and steering.
/// Throws Problem. The endpoint reads its own fields before it calls Fields::done().
Probe read_probe(Fields& fields, const Service& service);

/// One row for each steering, in their order: the prompt and the edits.
std::vector<Row> steered_rows(const Probe& probe);

/// Throws Problem 400 context_length_exceeded when a row of so many tokens is too long here.
void check_length(const Service& service, std::size_t n_token);

/// Throws Problem 400 steering_broke when the row broke.
void refuse_broken(const RowResult& result, const Probe& probe, std::size_t i);

}  // namespace tiller::serve
