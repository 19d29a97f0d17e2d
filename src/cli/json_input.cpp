#include "cli/json_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/strict_json.h"
#include "core/text.h"
#include "core/util.h"
#include "tasks/table_file.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

using nlohmann::json;
constexpr std::uint64_t kLargestJson = std::uint64_t{256} << 20;

[[noreturn]] void bad(const std::filesystem::path& path, const std::string& what) {
    throw Error(Code::bad_input, fmt::format("{}: {}", path.string(), what));
}

std::string text_of(const std::filesystem::path& path, const json& value, const std::string& where) {
    if (!value.is_string()) bad(path, fmt::format("{} is {}, expected a string", where, value.type_name()));
    auto text = value.get<std::string>();
    if (text.empty()) bad(path, fmt::format("{} is empty, expected a text", where));
    // Texts go through C interfaces that stop at a NUL.
    if (text.find('\0') != std::string::npos)
        bad(path, fmt::format("{} holds a NUL character, expected a text without", where));
    return text;
}

// The values of exactly these keys.
std::vector<std::string> fields(const std::filesystem::path& path, const json& object,
                                const std::string& where, std::initializer_list<const char*> keys) {
    if (!object.is_object())
        bad(path, fmt::format("{} is {}, expected an object", where, object.type_name()));
    std::vector<std::string> values;
    for (const char* key : keys) {
        if (!object.contains(key)) bad(path, fmt::format("{} has no \"{}\"", where, key));
        values.push_back(text_of(path, object[key], fmt::format("{}.{}", where, key)));
    }
    if (object.size() != keys.size())
        bad(path, fmt::format("{} has {} keys, expected {}", where, object.size(), keys.size()));
    return values;
}

const json& list_of(const std::filesystem::path& path, const json& root, const char* key) {
    if (!root.is_object() || !root.contains(key) || !root[key].is_array() || root[key].empty())
        bad(path, fmt::format("expected an object whose \"{}\" is a list with at least one entry", key));
    return root[key];
}

ControlNames control_names_of(const std::filesystem::path& path, const json& root) {
    if (!root.contains("special")) return ControlNames::refuse;
    if (!root["special"].is_boolean())
        bad(path, fmt::format("\"special\" is {}, expected true or false", root["special"].type_name()));
    return root["special"].get<bool>() ? ControlNames::parse : ControlNames::text;
}

// Refuses unknown keys.
void check_keys(const std::filesystem::path& path, const json& root, const std::set<std::string>& known) {
    for (const auto& [key, value] : root.items())
        if (!known.contains(key))
            bad(path,
                fmt::format("unknown key {}, expected one of {}", json(key).dump(), fmt::join(known, ", ")));
}

// {"negative", "positive"}; or a question of the CAA paper's files, whose answers follow it after a space.
Pair pair_of(const std::filesystem::path& path, const json& value, const std::string& where) {
    if (!value.is_object() || !value.contains("question")) {
        const auto values = fields(path, value, where, {"negative", "positive"});
        return {values[0], values[1]};
    }
    json question = value;
    for (const char* unused : {"statement", "label_confidence"}) question.erase(unused);
    const auto values = fields(path, question, where,
                               {"question", "answer_matching_behavior", "answer_not_matching_behavior"});
    const auto with = [&](const std::string& answer) {
        const bool apart = std::isspace(static_cast<unsigned char>(values[0].back())) ||
                           std::isspace(static_cast<unsigned char>(answer.front()));
        return values[0] + (apart ? "" : " ") + answer;
    };
    return {with(values[2]), with(values[1])};
}

std::vector<Pair> pairs_of_lines(const std::filesystem::path& path, std::string_view bytes) {
    std::vector<Pair> pairs;
    each_line(bytes, [&](std::string_view line, std::size_t number) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        const std::string place = fmt::format("{}, line {}", path.string(), number);
        pairs.push_back(pair_of(place, parse_strict(place, line), "the line"));
    });
    if (pairs.empty()) bad(path, "no pair in it, expected one {\"negative\", \"positive\"} a line");
    return pairs;
}

// A side of a pair in a table, used as it is.
std::string cell_of(const std::filesystem::path& path, const TableRow& row, std::size_t column) {
    if (row.cells[column].empty())
        bad(fmt::format("{}, line {}", path.string(), row.line),
            "a text of the pair is empty, expected a text");
    if (row.cells[column].find('\0') != std::string::npos)
        bad(fmt::format("{}, line {}", path.string(), row.line),
            "a text of the pair holds a NUL character, expected a text without");
    return row.cells[column];
}

std::vector<Pair> pairs_of_table(const std::filesystem::path& path, std::string_view bytes, char separator) {
    const Table table = read_table(bytes, separator, path.string());
    const std::size_t negative = table.column("negative"), positive = table.column("positive");
    std::vector<Pair> pairs;
    for (const auto& row : table.rows)
        pairs.push_back({cell_of(path, row, negative), cell_of(path, row, positive)});
    return pairs;
}

PromptLine prompt_of(const std::filesystem::path& name, const json& line) {
    if (!line.is_object() || line.size() != 1 || !(line.contains("prompt") || line.contains("messages")))
        bad(name, "expected an object with \"prompt\" or \"messages\" and nothing else");
    if (line.contains("prompt")) return {text_of(name, line["prompt"], "\"prompt\""), {}};
    PromptLine out;
    for (const auto& message : list_of(name, line, "messages")) {
        const auto string = [&](const char* key) {
            if (!message.is_object() || message.size() != 2 || !message.contains(key) ||
                !message[key].is_string())
                bad(name,
                    "a message is not an object with the texts \"role\" and \"content\" and nothing else");
            return message[key].get<std::string>();
        };
        out.messages.push_back({string("role"), string("content")});
    }
    return out;
}

}  // namespace

TrialsFile read_trials(const std::filesystem::path& path) {
    const json root = parse_strict(path, read_file(path, kLargestJson));
    TrialsFile file;
    FvTrials& trials = file.trials;
    std::size_t i = 0;
    for (const auto& prompt : list_of(path, root, "mean"))
        trials.mean.push_back(text_of(path, prompt, fmt::format("mean[{}]", i++)));
    i = 0;
    for (const auto& patch : list_of(path, root, "patch")) {
        const auto values = fields(path, patch, fmt::format("patch[{}]", i++), {"prompt", "target"});
        trials.patch.push_back({values[0], values[1]});
    }
    check_keys(path, root, {"mean", "patch", "special"});
    file.control_names = control_names_of(path, root);
    return file;
}

PairsFile read_pairs(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, kLargestJson);
    PairsFile file;
    if (const char separator = table_separator(path.string()))
        file.pairs = pairs_of_table(path, bytes, separator);
    else if (path.extension() == ".jsonl")
        file.pairs = pairs_of_lines(path, bytes);
    if (!file.pairs.empty()) return file;
    const json root = parse_strict(path, bytes);
    if (root.is_object()) {
        list_of(path, root, "pairs");
        check_keys(path, root, {"pairs", "special"});
        file.control_names = control_names_of(path, root);
    } else if (!root.is_array() || root.empty()) {
        bad(path, "expected a list with at least one {\"negative\", \"positive\"}");
    }
    const json& list = root.is_object() ? list_of(path, root, "pairs") : root;
    for (std::size_t i = 0; i < list.size(); ++i)
        file.pairs.push_back(pair_of(path, list[i], fmt::format("pair {}", i)));
    return file;
}

std::vector<PromptLine> parse_prompt_lines(std::string_view bytes, const std::string& name, bool json) {
    std::vector<PromptLine> prompts;
    each_line(bytes, [&](std::string_view line, std::size_t number) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos) return;
        const std::string place = fmt::format("{}, line {}", name, number);
        if (json)
            prompts.push_back(prompt_of(place, parse_strict(place, line)));
        else
            prompts.push_back({std::string(line), {}});
    });
    if (prompts.empty()) bad(name, "no prompt in it, expected at least one line");
    return prompts;
}

}  // namespace tiller::cli
