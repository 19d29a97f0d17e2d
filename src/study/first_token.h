// Scores the next token of prompts under many edits, each prompt computed once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "study/journal.h"
#include "tiller/engine.h"
#include "tiller/sweep.h"
#include "tiller/task.h"

namespace tiller::study {

/// First tokens of the right answers as they stand after the prompt. Throws bad_input when the tokenizer
/// joins one with the prompt's end (require_follows()).
std::vector<Token> answer_tokens(const Model& model, const Prompt& prompt);

/// Scores by setting, each over all prompts. One unit of the journal for each prompt, named
/// "<name>/<item>#<digest>"; `key` is a digest of all that the numbers depend on beside the prompt, the edits
/// included. Finished units are not computed again.
std::vector<ItemScores> score_forks(Engine& engine, Journal& journal, const std::string& name,
                                    const std::string& key, std::span<const Prompt> prompts,
                                    std::span<const std::vector<Edit>> settings, const Progress& progress);

/// The unsteered model on prompts that share nothing, as one unit of the journal.
ItemScores score_unsteered(Engine& engine, Journal& journal, const std::string& name, const std::string& key,
                           std::span<const Prompt> prompts, const Progress& progress);

}  // namespace tiller::study
