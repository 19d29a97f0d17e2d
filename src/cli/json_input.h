// The JSON files that `extract` reads: trials and pairs. Bounded and strict.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller::cli {

/// {"mean": [prompt, ...], "patch": [{"prompt": p, "target": " word"}, ...]}. Throws missing, bad_input.
FvTrials read_trials(const std::filesystem::path& path);
/// [{"negative": text, "positive": text}, ...]. Throws missing, bad_input.
std::vector<Pair> read_pairs(const std::filesystem::path& path);

}  // namespace tiller::cli
