// What methods read from a MethodInput, and checks and digests of prompts.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// The value of `key` ("n_pairs", ...) in MethodInput::options, cut to an integer, or `fallback` without it.
int option(const MethodInput& in, const char* key, int fallback);

/// The first n of MethodInput::pairs where they are given, else up to n pairs of the task (make_pairs()),
/// with the options "pairs_repeat", "pairs_keep_end", "pairs_bare" and "pairs_unstripped". Throws bad_input
/// when the task gives no pair.
std::vector<Pair> pairs_of(const MethodInput& in, int n);
/// The same with the option "n_pairs" for n; 100 without it.
std::vector<Pair> pairs_of(const MethodInput& in);

/// The positive texts of pairs_of(in).
std::vector<std::string> positives_of(const MethodInput& in);
/// The texts of prompts, in order.
std::vector<std::string> texts_of(std::span<const Prompt> prompts);
/// Both texts of all pairs, negative first.
std::vector<std::string> texts_of(std::span<const Pair> pairs);

/// Throws bad_input when the tokenizer joins the end of the prompt and the beginning of the target, such as a
/// blank at the prompt's end and the word after it. The prompt then contains a part of the answer already,
/// and the probability of the answer's first token means nothing. `answer` is Model::continuation(prompt,
/// target).
void require_follows(const Model& model, const std::string& prompt, const std::string& target,
                     std::span<const Token> answer);

/// SHA-256 over the texts, in order.
std::string prompts_digest(std::span<const std::string> texts);
/// SHA-256 over both texts of all pairs, in order.
std::string prompts_digest(std::span<const Pair> pairs);

}  // namespace tiller
