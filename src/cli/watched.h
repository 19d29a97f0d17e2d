// With --rpc, the work is done in a child process: the engine ends its process when a server goes away, and
// somebody has to be left who can say which one, and how to go on.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/common.h"

namespace tiller::cli {

/// Is this process such a child?
bool is_watched();

/// Starts this program anew with the same arguments, terminal and signals, and waits for it. Its exit code,
/// 128 + the signal where a user's signal ended it. Throws environment when the engine or the system ended
/// it: with the servers that no longer answer and, for a command with a run folder, the line that goes on
/// there.
int run_watched(const CLI::App& command, const Globals& globals, char** argv);

}  // namespace tiller::cli
