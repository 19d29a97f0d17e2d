// Scores the next token of prompts under many settings. Each prompt is computed once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/journal.h"
#include "tiller/engine.h"
#include "tiller/sweep.h"
#include "tiller/task.h"

namespace tiller::study {

/// The first token of each right answer, tokenized as the continuation of the prompt. Answers that give no
/// token are left out. Throws bad_input when the tokenizer joins one with the prompt's end
/// (require_follows()).
std::vector<Token> answer_tokens(const Model& model, const Prompt& prompt);

/// Scores of each setting over all prompts: [setting], its lists in the order of `prompts`. settings[k] are
/// the edits of setting k. Each prompt is one fork() and one unit of the journal, "<name>/<item>#<digest>";
/// units that the journal has are not computed again. `key` must identify all that the numbers depend on
/// besides the prompt, the edits included. Throws bad_input when no right answer gives a token; errors of
/// Engine::fork().
std::vector<ItemScores> score_forks(Engine& engine, Journal& journal, const std::string& name,
                                    const std::string& key, std::span<const Prompt> prompts,
                                    std::span<const std::vector<Edit>> settings, const Progress& progress);

/// Scores of the unsteered model in the order of `prompts`: one run() and one unit of the journal,
/// "<name>#<digest>". `key` and errors as for score_forks().
ItemScores score_unsteered(Engine& engine, Journal& journal, const std::string& name, const std::string& key,
                           std::span<const Prompt> prompts, const Progress& progress);

}  // namespace tiller::study
