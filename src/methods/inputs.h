// What methods take from a MethodInput.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// An extraction count of the input ("n_pairs"), or the fallback.
int option(const MethodInput& in, const char* key, int fallback);

/// The first n of the input's pairs where it has some, else n of the task's (make_pairs()), in the paper's
/// form where the options ask for it ("pairs_repeat", "pairs_keep_end", "pairs_bare"). Throws bad_input when
/// there is none.
std::vector<Pair> pairs_of(const MethodInput& in, int n);
/// The same, 100 unless "n_pairs" says otherwise.
std::vector<Pair> pairs_of(const MethodInput& in);

/// The positive texts of pairs_of(in).
std::vector<std::string> positives_of(const MethodInput& in);
/// The texts of prompts, in order.
std::vector<std::string> texts_of(std::span<const Prompt> prompts);
/// Both texts of all pairs, negative first.
std::vector<std::string> texts_of(std::span<const Pair> pairs);

/// Throws bad_input when the answer's first token cannot follow the prompt's last one: its tokenizer joins
/// them (a blank at the prompt's end and the word behind it), so that the model has seen a part of the answer
/// already and its probability means nothing. `answer` is what Model::continuation() gives of the two.
void require_follows(const Model& model, const std::string& prompt, const std::string& target,
                     std::span<const Token> answer);

/// SHA-256 over the texts, in order.
std::string prompts_digest(std::span<const std::string> texts);
/// SHA-256 over both texts of all pairs, in order.
std::string prompts_digest(std::span<const Pair> pairs);

}  // namespace tiller
