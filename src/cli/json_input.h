// The JSON files that `extract` reads: trials and pairs. Bounded and strict.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tiller/method.h"

namespace tiller::cli {

/// What a file says of control tokens' names in its texts: "special": true or false; refused when it says
/// nothing.
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
/// From a .csv or .tsv file the columns "negative" and "positive"; from .jsonl one pair in each line; else
/// [{"negative": text, "positive": text}, ...], or {"special": true or false, "pairs": such a list}. Throws
/// missing, bad_input.
PairsFile read_pairs(const std::filesystem::path& path);
/// Pairs of two files of as many lines, each line a text used as it is. Throws missing, bad_input (the line
/// is named).
PairsFile read_text_pairs(const std::filesystem::path& negative, const std::filesystem::path& positive);

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
