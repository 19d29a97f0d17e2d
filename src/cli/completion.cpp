// tiller completion: what shells need to complete commands, options and values, made from the program's own
// definitions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/catalogue.h"
#include "cli/common.h"
#include "cli/help.h"
#include "cli/hub_model.h"
#include "core/util.h"

namespace tiller::cli {
namespace {

struct Word {
    std::string name;   ///< "--model", "-m" or a command.
    std::string about;  ///< One line.
};
struct Value {
    std::vector<std::string> options;  ///< Names of one option: "--model", "-m".
    std::string about;
    bool needs_value = false, may_be_file = false;
    std::vector<std::string> choices = {};  ///< Empty: any text, or a file.
};
/// What may follow "tiller", "tiller models", ...
struct Place {
    std::string path;
    std::vector<Word> commands;
    std::vector<Value> options;
};

std::vector<std::string> choices_of(const CLI::Option& option) {
    std::vector<std::string> names;
    if (option.check_lname("model")) {
        for (const auto& model : known_models()) names.push_back(model.name);
        return names;
    }
    const std::string value = value_name(option);
    return value.find('|') == std::string::npos ? names : CLI::detail::split(value, '|');
}

void add_places(const CLI::App& app, std::vector<Place>& places) {
    Place place;
    place.path = full_name(app);
    for (const auto* command : shown_commands(app))
        place.commands.push_back({command->get_name(), command->get_description()});
    for (const auto* option : app.get_options()) {
        if (!option->nonpositional()) continue;
        Value value;
        for (const auto& name : option->get_lnames()) value.options.push_back("--" + name);
        for (const auto& name : option->get_snames()) value.options.push_back("-" + name);
        value.about = option->get_description();
        value.needs_value = option->get_items_expected_min() > 0;
        value.choices = choices_of(*option);
        value.may_be_file = value.choices.empty() || option->check_lname("model");
        place.options.push_back(std::move(value));
        if (!option->check_lname("model")) continue;
        place.options.push_back({.options = {std::begin(kHubOptions), std::end(kHubOptions)},
                                 .about = "The same, from a repository of a model hub: user/repo[:file]",
                                 .needs_value = true});
    }
    places.push_back(std::move(place));
    for (const auto* command : shown_commands(app)) add_places(*command, places);
}

std::vector<Place> places_of(const CLI::App& app) {
    std::vector<Place> places;
    add_places(app, places);
    return places;
}

// The text in single quotes, for bash, zsh and fish alike: no text of ours needs more than this.
std::string quoted(const std::string& text, const char* quote) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string(quote) : std::string(1, c);
    return out + "'";
}
std::string in_bash(const std::string& text) { return quoted(text, "'\\''"); }

// Lines of a case over the words typed so far: which command is being completed, what may follow, and the
// values of an option. Bash and zsh read the same.
struct Cases {
    std::string commands, words, values;
};

Cases cases_of(const std::vector<Place>& places) {
    Cases cases;
    for (const Place& place : places) {
        if (place.path != "tiller") cases.commands += fmt::format("            {}|\\\n", in_bash(place.path));
        std::vector<std::string> names, options;
        for (const auto& word : place.commands) names.push_back(word.name);
        for (const auto& value : place.options) {
            options.insert(options.end(), value.options.begin(), value.options.end());
            if (!value.needs_value) continue;
            std::vector<std::string> patterns;
            for (const auto& option : value.options) patterns.push_back(in_bash(place.path + " " + option));
            cases.values += fmt::format("        {}) is_value=1 values={} ;;\n", fmt::join(patterns, "|"),
                                        in_bash(fmt::format("{}", fmt::join(value.choices, " "))));
        }
        cases.words += fmt::format("        {}) names={} options={} ;;\n", in_bash(place.path),
                                   in_bash(fmt::format("{}", fmt::join(names, " "))),
                                   in_bash(fmt::format("{}", fmt::join(options, " "))));
    }
    cases.commands.resize(cases.commands.size() - 3);  // the last "|\\\n"
    return cases;
}

std::string bash_script(const std::vector<Place>& places) {
    const Cases cases = cases_of(places);
    return fmt::format(R"(# bash completion of tiller: source <(tiller completion bash)
_tiller() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local path=tiller word names='' options='' values='' is_value=''
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path $word" in
{}) path="$path $word" ;;
        esac
    done
    case "$path" in
{}    esac
    case "$path $before" in
{}    esac
    # Where nothing is offered, bash completes names of files.
    COMPREPLY=()
    if [[ -n $is_value ]]; then
        COMPREPLY=($(compgen -W "$values" -- "$current"))
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
    else
        COMPREPLY=($(compgen -W "$names" -- "$current"))
    fi
}}
complete -o default -F _tiller tiller
)",
                       cases.commands, cases.words, cases.values);
}

std::string zsh_script(const std::vector<Place>& places) {
    const Cases cases = cases_of(places);
    return fmt::format(R"(#compdef tiller
# zsh completion of tiller: source <(tiller completion zsh), or a file _tiller on $fpath
_tiller() {{
    local current=${{words[CURRENT]}} before=${{words[CURRENT-1]}}
    local path_=tiller word names='' options='' values='' is_value=''
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$path_ $word" in
{}) path_="$path_ $word" ;;
        esac
    done
    case "$path_" in
{}    esac
    case "$path_ $before" in
{}    esac
    if [[ -n $is_value ]]; then
        compadd -- ${{=values}}
        _files
    elif [[ $current == -* ]]; then
        compadd -- ${{=options}}
    elif [[ -n $names ]]; then
        compadd -- ${{=names}}
    else
        _files
    fi
}}
if [[ $funcstack[1] == _tiller ]]; then _tiller "$@"; else compdef _tiller tiller; fi
)",
                       cases.commands, cases.words, cases.values);
}

std::string fish_word(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + "'";
}

std::string fish_script(const std::vector<Place>& places) {
    std::vector<std::string> paths;
    for (const Place& place : places)
        if (place.path != "tiller") paths.push_back(fish_word(place.path));
    std::string text = fmt::format(R"(# fish completion of tiller: tiller completion fish | source
function __tiller_at
    set -l at tiller
    for word in (commandline -opc)[2..-1]
        contains -- "$at $word" {}
        and set at "$at $word"
    end
    test "$at" = "$argv[1]"
end
)",
                                   fmt::join(paths, " "));
    for (const Place& place : places) {
        const std::string start = fmt::format("complete -c tiller -n \"__tiller_at '{}'\"", place.path);
        for (const auto& word : place.commands)
            text += fmt::format("{} -f -a {} -d {}\n", start, word.name, fish_word(word.about));
        for (const auto& value : place.options) {
            std::string line = start;
            for (const auto& option : value.options)
                line += option.starts_with("--") ? " -l " + option.substr(2)
                        : option.size() > 2      ? " -o " + option.substr(1)  // a long one with one dash
                                                 : " -s " + option.substr(1);
            if (value.needs_value) line += value.may_be_file ? " -r" : " -x";
            if (!value.choices.empty())
                line += fmt::format(" -a {}", fish_word(fmt::format("{}", fmt::join(value.choices, " "))));
            text += fmt::format("{} -d {}\n", line, fish_word(value.about));
        }
    }
    return text;
}

}  // namespace

void add_completion(CLI::App& app, Globals&) {
    auto shell = std::make_shared<std::string>();
    auto* command = app.add_subcommand("completion",
                                       "Print what a shell needs to complete tiller's commands and options");
    command->add_option("shell", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->footer(
        "bash:  source <(tiller completion bash)\n"
        "zsh:   source <(tiller completion zsh)\n"
        "fish:  tiller completion fish | source");
    command->callback([shell, &app] {
        const auto places = places_of(app);
        print_data(*shell == "bash"  ? bash_script(places)
                   : *shell == "zsh" ? zsh_script(places)
                                     : fish_script(places));
    });
}

}  // namespace tiller::cli
