#include "cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/near_names.h"
#include "report/escape.h"

namespace tiller::cli {
namespace {

constexpr std::size_t kIndent = 26, kWidth = 100;

// "default: 32" is searched for in help texts, so it stays in one line.
constexpr const char *kDefault = "default: ", *kWholeDefault = "default:\x1f";

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
    return CLI::detail::find_and_replace(text, from, to);
}

// Lines of a description; CLI11 indents them.
std::string wrapped(const std::string& description) {
    const std::string text = replaced(description, kDefault, kWholeDefault);
    std::string out;
    std::size_t used = 0;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        const bool fits = used + 1 + word.size() <= kWidth - kIndent;
        if (used > 0) out += fits ? " " : "\n";
        used = used > 0 && fits ? used + 1 + word.size() : word.size();
        out += word;
        at = end + 1;
    }
    return replaced(out, kWholeDefault, kDefault);
}

class Format : public CLI::Formatter {
public:
    Format() {
        column_width(kIndent);
        label("SUBCOMMAND", "COMMAND");
    }

    std::string make_subcommand(const CLI::App* command) const override {
        std::string text = fmt::format("  {:<10} {}\n", command->get_name(), command->get_description());
        const auto* parent = command->get_parent();
        if (parent != nullptr && parent->get_parent() != nullptr) return text;  // extract's methods
        for (const CommandEntry& entry : commands())
            if (entry.name == command->get_name()) text += fmt::format("             {}\n", entry.example);
        return text;
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string value = value_name(*option);
        std::string text = value.empty() ? "" : " " + value;
        if (option->get_items_expected_max() > 1) text += " ...";
        return text + (option->get_required() ? " (required)" : "");
    }

    std::string make_option_desc(const CLI::Option* option) const override {
        const std::string notes = option_notes(*option);
        return wrapped(option->get_description() + (notes.empty() ? "" : " (" + notes + ")"));
    }
};

// User input, made safe and short enough for a message.
std::string shown_word(const std::string& word) { return report::terminal_text(report::fit(word, 60)); }

std::vector<std::string> commands_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* command : shown_commands(app)) names.push_back(command->get_name());
    return names;
}

// "--model", for all that a command has.
std::vector<std::string> options_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const auto* option : command.get_options())
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

// "tiller show has", or "there is" for the program itself.
std::string has(const CLI::App& command) {
    return command.get_parent() == nullptr ? "there is" : full_name(command) + " has";
}

// Commands that have an option which the typed one lacks.
std::vector<std::string> others_with(const CLI::App& app, const std::string& option) {
    std::vector<std::string> names;
    for (const auto* command : shown_commands(app))
        if (command->get_option_no_throw(option) != nullptr) names.push_back(command->get_name());
    return names;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const auto near = near_names(word, known);
    return near.empty() ? "" : fmt::format(", did you mean {}?", near.front());
}

std::string unknown_option(const CLI::App& app, const CLI::App& command, const std::string& word) {
    const std::string option = word.substr(0, word.find('='));
    std::string text = fmt::format("{} no option {}", has(command), shown_word(option));
    const std::string near = did_you_mean(option, options_of(command));
    if (!near.empty()) return text + near;
    const auto others = others_with(app, option);
    if (others.size() == 1) text += fmt::format("; tiller {} has it", others.front());
    return text;
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
    const auto commands = commands_of(command);
    if (commands.empty()) return fmt::format("{} has no use for '{}'", full_name(command), shown_word(word));
    return fmt::format("{} no command '{}'{}", has(command), shown_word(word), did_you_mean(word, commands));
}

// CLI11's own texts begin with an option's name and end with no full stop.
std::string what_of(const CLI::ParseError& error) {
    std::string text = error.what();
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return report::terminal_text(text);
}

}  // namespace

std::string value_name(const CLI::Option& option) {
    if (option.get_items_expected_max() == 0) return "";
    std::string type = option.get_type_name();
    if (const auto open = type.find('{'), close = type.find('}'); open != std::string::npos && open < close) {
        type = type.substr(open + 1, close - open - 1);
        std::replace(type.begin(), type.end(), ',', '|');
        return type;
    }
    type = type.substr(0, type.find(':'));
    return type == "INT" || type == "UINT" ? "N" : type == "FLOAT" ? "X" : type;
}

std::string option_notes(const CLI::Option& option) {
    std::string text;
    const auto add = [&](const std::string& note) { text += (text.empty() ? "" : "; ") + note; };
    if (!option.get_default_str().empty() && !value_name(option).empty())
        add("default: " + option.get_default_str());
    const auto names_of = [](const std::set<CLI::Option*>& options) {
        std::vector<std::string> names;
        for (const auto* other : options) names.push_back(other->get_name());
        std::sort(names.begin(), names.end());  // a set of pointers has no stable order
        return names;
    };
    if (!option.get_needs().empty())
        add(fmt::format("with {}", fmt::join(names_of(option.get_needs()), ", ")));
    if (!option.get_excludes().empty())
        add(fmt::format("not with {}", fmt::join(names_of(option.get_excludes()), ", ")));
    return text;
}

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
    auto commands =
        app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
    return commands;
}

std::shared_ptr<CLI::Formatter> help_format() { return std::make_shared<Format>(); }

const CLI::App& typed_app(const CLI::App& app) {
    const CLI::App* command = &app;
    for (auto below = command->get_subcommands(); !below.empty(); below = command->get_subcommands())
        command = below.front();
    return *command;
}

std::string full_name(const CLI::App& command) {
    const auto* parent = command.get_parent();
    return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App& command = typed_app(app);
    const std::string end = fmt::format(" ({} --help)", full_name(command));
    // An unknown word can make required options look missing, so it is reported first.
    const auto words = command.remaining();
    const auto option = std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return word.size() > 1 && word.front() == '-' && word != "--";
    });
    const bool wants_command = !commands_of(command).empty();
    if (wants_command && !words.empty() && words.front().front() != '-')
        return unknown_word(command, words.front()) + end;
    if (option != words.end()) return unknown_option(app, command, *option) + end;
    if (!words.empty()) return unknown_word(command, words.front()) + end;
    return what_of(error) + end;
}

}  // namespace tiller::cli
