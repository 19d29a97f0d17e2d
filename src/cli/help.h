// How the program's help reads: commands in groups by what one wants to do, each with an example.
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
    const char* group;  ///< What one wants to do; entries of a group stand together.
    const char* example;
};

/// All of them, in the order of the help (main.cpp).
std::span<const CommandEntry> commands();

/// The commands below `app` that are for people: those with a group in its help.
std::vector<const CLI::App*> shown_commands(const CLI::App& app);

/// Writes the list of commands with an example under each.
std::shared_ptr<CLI::Formatter> help_format();

/// What an option takes: "TEXT", "N", "X", "f16|f32"; empty for a flag.
std::string value_name(const CLI::Option& option);
/// Its default, and the options that it needs or excludes: "default: 32; with --chat"; empty when there are
/// none.
std::string option_notes(const CLI::Option& option);

/// What to print instead of CLI11's text when the words in `app` could not be read: names what is not known,
/// with what comes near, and the help that lists the rest.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

/// The command that was typed: the last of those behind each other ("extract fv").
const CLI::App& typed_app(const CLI::App& app);
/// Its name with those in front of it: "tiller extract fv".
std::string full_name(const CLI::App& command);

}  // namespace tiller::cli
