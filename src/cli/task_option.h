// Tasks that commands are given: by name or as files, whose family is said, guessed or asked for.
#pragma once

#include <string>

#include "cli/common.h"
#include "tiller/task.h"

namespace tiller::cli {

/// Adds --family to a command.
void add_family_option(CLI::App& command, std::string& family);

/// The task, of `data_dir` (empty = tiller's own) or a file. Where neither `family` nor the file, its folder
/// or its name tells the family, the guess is printed to standard error.
/// Throws as find_task(), and usage when a family is given for a task that is no file.
Task given_task(const std::string& name, const std::string& data_dir, const std::string& family,
                const Globals& globals);

/// Prints the family that was assumed for a task, if it was a guess.
void say_family(const Task& task, const Globals& globals);

}  // namespace tiller::cli
