// Tasks that commands are given: by name or as files, whose family is said, guessed or asked for.
#pragma once

#include <string>

#include "cli/common.h"
#include "tiller/task.h"

namespace tiller::cli {

/// Adds --family to a command.
void add_family_option(CLI::App& command, std::string& family);

/// The task, of `data_dir` (empty = tiller's own) or a file. Where `family` is empty and nothing in a file,
/// its folder or its name says what family it is of, it says on standard error what the task was taken for.
/// Throws as find_task(), and usage when a family is given for a task that is no file.
Task given_task(const std::string& name, const std::string& data_dir, const std::string& family,
                const Globals& globals);

/// Says what a task was taken for, where that is a guess.
void say_family(const Task& task, const Globals& globals);

}  // namespace tiller::cli
