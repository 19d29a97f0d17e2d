// The JSON files that `extract` reads: trials and pairs. Bounded and strict.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/method.h"

namespace tiller::cli {

/// How names of control tokens in a file's texts are read: by its key "special", true or false; without it,
/// texts with such names are refused.
struct TrialsFile {
    FvTrials trials;
    ControlNames control_names = ControlNames::refuse;
};
struct PairsFile {
    std::vector<Pair> pairs;
    ControlNames control_names = ControlNames::refuse;
};

/// {"mean": [prompt, ...], "patch": [{"prompt": p, "target": " word"}, ...]}, and "special". Throws missing,
/// bad_input.
TrialsFile read_trials(const std::filesystem::path& path);
/// [{"negative": text, "positive": text}, ...], or {"special": true or false, "pairs": such a list}; in a
/// file .jsonl one such object a line; in a .csv or .tsv columns of these names. Instead of such an object a
/// question of the CAA paper's files, {"question", "answer_matching_behavior",
/// "answer_not_matching_behavior"}: the question followed by each answer. Throws missing, bad_input.
PairsFile read_pairs(const std::filesystem::path& path);

/// Pairs from two files of texts, one a line, the n-th positive with the n-th negative: what llama.cpp's
/// cvector-generator reads. Empty lines are left out of each file; \n, \r, \t, \\, \', \" and \xHH in a line
/// are the characters that they mean. Throws missing, bad_input (no text, another number of texts, not
/// UTF-8).
std::vector<Pair> read_text_pairs(const std::filesystem::path& positive,
                                  const std::filesystem::path& negative);

/// What a line of a file of prompts holds.
struct PromptLine {
    std::string prompt;                 ///< Empty when there are messages.
    std::vector<ChatMessage> messages;  ///< Of a conversation.
};
/// Prompts from `bytes`: one per line, blank lines left out; or, with `json`, one object per line, {"prompt":
/// text} or {"messages": [{"role": r, "content": c}, ...]}. `name` is the file's, for errors. Throws
/// bad_input (the line is named), also when there is none.
std::vector<PromptLine> parse_prompt_lines(std::string_view bytes, const std::string& name, bool json);

}  // namespace tiller::cli
