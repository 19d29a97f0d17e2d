// A model file that nobody knows is first computed with in a process of its own: the engine ends its process
// on some files (an assertion, an endless loop), and that must not be tiller's.
#pragma once

#include <filesystem>

#include "cli/common.h"

namespace tiller::cli {

/// Loads `model` (all its parts) and computes a few tokens with it in a child process, unless that went well
/// before with this version of the engine: it is remembered by the files' digest below cache_dir()/tried, and
/// known of the models of the catalogue. Throws bad_input when the child was ended by a signal or made no
/// progress within the time that a file of this size may take, environment when it was killed for its memory,
/// interrupted. What the child refuses in words is left to the caller's own attempt, which says it better.
void try_model(const std::filesystem::path& model, const Globals& globals);

/// The child's side: a command that the help does not list. Prints "loaded" between its two steps.
void add_try_model(CLI::App&, Globals&);

}  // namespace tiller::cli
