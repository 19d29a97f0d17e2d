// The program's help: commands grouped by purpose, each with an example.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <span>
#include <string>

#include "cli/common.h"

namespace tiller::cli {

/// A command of the program.
struct CommandEntry {
    AddCommand add;
    const char* name;
    const char* group;  ///< Purpose; entries of a group are adjacent.
    const char* example;
};

/// All of them, in the order of the help (main.cpp).
std::span<const CommandEntry> commands();

/// The subcommands of `app` that its help lists: those that have a group.
std::vector<const CLI::App*> shown_commands(const CLI::App& app);

/// Writes the list of commands with an example under each.
std::shared_ptr<CLI::Formatter> help_format();

/// What an option takes: "TEXT", "N", "X", "f16|f32"; empty for a flag.
std::string value_name(const CLI::Option& option);
/// Its default, and the options that it needs or excludes: "default: 32; with --chat"; empty when there are
/// none.
std::string option_notes(const CLI::Option& option);

/// The message that replaces CLI11's when the command line could not be parsed: names the unknown word,
/// similar known ones, and the help that lists all.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

/// The command that was typed: the innermost subcommand ("fv" in "extract fv").
const CLI::App& typed_app(const CLI::App& app);
/// Its name after its parents' names: "tiller extract fv".
std::string full_name(const CLI::App& command);

}  // namespace tiller::cli
