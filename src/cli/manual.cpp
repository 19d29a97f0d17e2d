// tiller manual: pages for man, made from the program's own definitions.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/common.h"
#include "cli/help.h"
#include "core/text.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;

// Text that roff prints as it is: a backslash begins an escape, a dot or quote at the start of a line a
// request, and a bare - may become a typographic hyphen, which nobody can copy into a shell.
std::string roff(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool begins_line = i == 0 || text[i - 1] == '\n';
        if (begins_line && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '\'')
            out += "\\(aq";
        else
            out += c;
    }
    return out;
}

// Lines printed verbatim.
std::string as_typed(const std::string& text) {
    std::string out = ".nf\n";
    each_line(text, [&](std::string_view line, std::size_t) {
        out += (line.empty() ? std::string("\\&") : roff(line)) + "\n";
    });
    return out + ".fi\n";
}

std::string names_of(const CLI::Option& option) {
    std::string text;
    const auto add = [&](const std::string& name) {
        text += (text.empty() ? "" : ", ") + fmt::format("\\fB{}\\fR", roff(name));
    };
    if (!option.nonpositional()) return fmt::format("\\fI{}\\fR", roff(option.get_name(true)));
    for (const auto& name : option.get_snames()) add("-" + name);
    for (const auto& name : option.get_lnames()) add("--" + name);
    if (const auto value = value_name(option); !value.empty())
        text += fmt::format(" \\fI{}\\fR", roff(value));
    return text;
}

std::string list_of(const CLI::App& command, bool positional) {
    std::string text;
    for (const auto* option : command.get_options()) {
        if (option->nonpositional() == positional) continue;
        text += fmt::format(".TP\n{}\n{}", names_of(*option), roff(option->get_description()));
        if (option->get_required()) text += " (required)";
        if (const auto notes = option_notes(*option); !notes.empty())
            text += fmt::format(" ({})", roff(notes));
        text += "\n";
    }
    return text;
}

std::string page_name(const CLI::App& command) {
    std::string name = full_name(command);
    std::replace(name.begin(), name.end(), ' ', '-');
    return name;
}

std::string commands_in(const CLI::App& command) {
    std::string text;
    for (const auto* below : shown_commands(command))
        text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(full_name(*below)), roff(below->get_description()));
    return text;
}

std::string example_of(const CLI::App& command) {
    for (const CommandEntry& entry : commands())
        if ("tiller " + std::string(entry.name) == full_name(command)) return entry.example;
    return "";
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n"
    "0 ok; 2 usage, also for the name of a task, model or method that is not known; 3 bad input: a\n"
    "file does not hold what it must; 4 environment: memory, disk, a file or fetched model that is not "
    "there;\n"
    "130 interrupted.\n";

std::string page_of(const CLI::App& command) {
    const std::string name = page_name(command), arguments = list_of(command, true),
                      options = list_of(command, false), below = commands_in(command),
                      example = example_of(command), footer = command.get_footer();
    std::string title = name;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    std::string text = fmt::format(".TH {} 1 \"\" \"tiller {}\" \"tiller\"\n.SH NAME\n{} \\- {}\n",
                                   roff(title), TILLER_VERSION, roff(name), roff(command.get_description()));
    text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR [\\fIoptions\\fR]{}{}\n", roff(full_name(command)),
                        arguments.empty() ? "" : " \\fIarguments\\fR",
                        below.empty() ? "" : " \\fIcommand\\fR ...");
    if (!arguments.empty()) text += ".SH ARGUMENTS\n" + arguments;
    if (!below.empty()) text += ".SH COMMANDS\n" + below;
    text += ".SH OPTIONS\n" + options;
    if (!example.empty()) text += ".SH EXAMPLE\n" + as_typed(example);
    if (!footer.empty()) text += ".SH NOTES\n" + as_typed(footer);
    text += kExitStatus;
    const auto* parent = command.get_parent();
    return text +
           (parent == nullptr ? "" : fmt::format(".SH SEE ALSO\n.BR {} (1)\n", roff(page_name(*parent))));
}

std::size_t write_pages(const CLI::App& command, const fs::path& folder) {
    write_file_atomic(folder / (page_name(command) + ".1"), page_of(command));
    std::size_t n = 1;
    for (const auto* below : shown_commands(command)) n += write_pages(*below, folder);
    return n;
}

}  // namespace

void add_manual(CLI::App& app, Globals& globals) {
    auto folder = std::make_shared<std::string>();
    auto* command = app.add_subcommand("manual", "Write the manual pages (tiller.1, tiller-chat.1, ...)");
    command->add_option("-o,--output", *folder, "Folder to write them into, made when missing")->required();
    add_globals(*command, globals, kQuietFlag);
    command->callback([folder, &app, &globals] {
        std::error_code error;
        fs::create_directories(*folder, error);
        if (error)
            throw Error(Code::environment,
                        fmt::format("the folder {} cannot be made: {}", *folder, error.message()));
        const std::size_t n = write_pages(app, *folder);
        note(globals, fmt::format("{} pages in {}; read one with: man -l {}", n, *folder,
                                  (fs::path(*folder) / "tiller.1").string()));
    });
}

}  // namespace tiller::cli
