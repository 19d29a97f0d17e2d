// The command that uses a method's chosen vector: from a verdict to a steered text.
#pragma once

#include <filesystem>

#include "tiller/report.h"

namespace tiller::cli {

/// "tiller generate -m MODEL --vector RUN/winners/....gguf -p PROMPT ...", quoted for a shell, for winners of
/// the run in `folder`, as the reader typed it. The prompt is a short test item's, in the form in which the
/// task was tested; control characters in it are escapes.
UseText use_command(const std::filesystem::path& folder);

}  // namespace tiller::cli
