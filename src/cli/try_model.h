// An unknown model file is first tried in a child process: on some files the engine aborts or loops forever,
// which must not end or block tiller itself.
#pragma once

#include <filesystem>

#include "cli/common.h"

namespace tiller::cli {

/// Loads `model` (all its parts) and computes a few tokens with it in a child process, unless that succeeded
/// before with this version of the engine (recorded by the files' digest in cache_dir()/tried) or the model
/// is in the catalogue. Throws bad_input when the child was ended by a signal or made no
/// progress within the time that a file of this size may take, environment when it was killed for its memory,
/// interrupted. Ordinary errors in the child are ignored: the caller's own attempt reports them better.
void try_model(const std::filesystem::path& model, const Globals& globals);

/// The child's side: a command that the help does not list. Prints "loaded" between its two steps.
void add_try_model(CLI::App&, Globals&);

}  // namespace tiller::cli
