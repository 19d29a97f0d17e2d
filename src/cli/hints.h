// The program's flags for what the library's errors are about.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "tiller/error.h"

namespace tiller::cli {

/// What to add to an error about `topic` when the command that `app` parsed failed with it: the flags of that
/// command that decide it, and other commands that help, in parentheses after a space; empty when there are
/// none.
std::string hint_of(const CLI::App& app, Topic topic);

}  // namespace tiller::cli
