#include "cli/task_file.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/strict_json.h"
#include "core/text.h"
#include "core/util.h"
#include "tasks/family.h"
#include "tasks/table_file.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLargestTask = std::uint64_t{64} << 20;

void add_item(Task& task, std::string input, std::string output) {
    Item item;
    item.id = static_cast<int>(task.items.size());
    item.input = std::move(input);
    item.outputs = {output};
    item.output = std::move(output);
    task.items.push_back(std::move(item));
}

bool is_number(const std::string& text) {
    return !text.empty() && text.size() < 6 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::size_t column_of(const Table& table, const std::string& wanted) {
    if (!is_number(wanted)) {
        std::string name = wanted;
        for (char& c : name) c = lower_ascii(c);
        return table.column(name);
    }
    const auto place = static_cast<std::size_t>(std::atoi(wanted.c_str()));
    if (place < 1 || place > table.head.cells.size())
        throw Error(Code::bad_input, fmt::format("{}: there is no column {}, the table has {}", table.file,
                                                 wanted, table.head.cells.size()));
    return place - 1;
}

void read_columns(Task& task, const std::string& bytes, char separator, const std::string& name,
                  const TaskColumns& columns) {
    const Table table = read_table(bytes, separator, name);
    TaskColumns wanted = columns;
    if (columns.no_header) {
        if (!is_number(wanted.input)) wanted.input = "1";
        if (!is_number(wanted.output)) wanted.output = "2";
    }
    const std::size_t input = column_of(table, wanted.input), output = column_of(table, wanted.output);
    if (input == output)
        throw Error(Code::bad_input, fmt::format("{}: inputs and answers are the same column", name));
    if (columns.no_header) add_item(task, table.head.cells[input], table.head.cells[output]);
    for (const TableRow& row : table.rows) add_item(task, row.cells[input], row.cells[output]);
}

void read_lines(Task& task, const std::string& bytes, const std::string& name) {
    each_line(bytes, [&](std::string_view line, std::size_t number) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos) return;
        for (const std::string_view between : {"\t", " -> "})
            if (const auto at = line.find(between); at != std::string_view::npos)
                return add_item(task, std::string(line.substr(0, at)),
                                std::string(line.substr(at + between.size())));
        throw Error(
            Code::bad_input,
            fmt::format("{}, line {}: expected an input, a tab or ' -> ', and its answer", name, number));
    });
}

std::string text_at(const Json& object, const std::string& key, const std::string& where) {
    if (!object.is_object() || !object.contains(key) || !object.at(key).is_string())
        throw Error(Code::bad_input, fmt::format("{}: expected an object with the text \"{}\"", where, key));
    return object.at(key).get<std::string>();
}

void read_objects(Task& task, const Json& list, const std::string& name, const TaskColumns& columns) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string where = fmt::format("{}, entry {}", name, i + 1);
        add_item(task, text_at(list[i], columns.input, where), text_at(list[i], columns.output, where));
    }
}

// {"negative": [...], "positive": [...]}: persona files.
void read_sides(Task& task, const Json& json, const std::string& name) {
    const Json &negative = json.at("negative"), &positive = json.at("positive");
    if (!negative.is_array() || !positive.is_array() || negative.size() != positive.size())
        throw Error(Code::bad_input,
                    fmt::format("{}: negative and positive are expected to be lists of equal length", name));
    for (std::size_t i = 0; i < negative.size(); ++i) {
        if (!negative[i].is_string() || !positive[i].is_string())
            throw Error(Code::bad_input, fmt::format("{}: entry {} of a list is no text", name, i + 1));
        add_item(task, negative[i].get<std::string>(), positive[i].get<std::string>());
    }
    task.family = Family::behavioural;
}

Json parsed(std::string_view bytes, const std::string& where) {
    try {
        return Json::parse(bytes);
    } catch (const Json::exception& e) {
        throw Error(Code::bad_input, fmt::format("{}: no JSON: {}", where, json_error_text(e)));
    }
}

void read_json(Task& task, const std::string& bytes, const std::string& name, const TaskColumns& columns) {
    const Json json = parsed(bytes, name);
    if (json.is_object() && json.contains("negative") && json.contains("positive"))
        return read_sides(task, json, name);
    if (!json.is_array())
        throw Error(
            Code::bad_input,
            fmt::format("{}: expected a list of objects, or {{\"negative\": [...], \"positive\": [...]}}",
                        name));
    read_objects(task, json, name, columns);
}

}  // namespace

Task read_new_task(const std::filesystem::path& file, const TaskColumns& columns, const std::string& family) {
    const std::string name = file.string();
    std::string bytes = read_file(file, kLargestTask);
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
    if (!is_valid_utf8(bytes))
        throw Error(Code::bad_input,
                    fmt::format("{}: this is not UTF-8; save it as UTF-8 and try again", name));
    Task task;
    task.name = file.stem().string();
    task.family = family_of(task.name, "").family;
    if (const char separator = table_separator(name))
        read_columns(task, bytes, separator, name, columns);
    else if (name.ends_with(".jsonl"))
        each_line(bytes, [&](std::string_view line, std::size_t number) {
            if (line.find_first_not_of(" \t\r") != std::string_view::npos)
                read_objects(task, Json::array({parsed(line, fmt::format("{}, line {}", name, number))}),
                             fmt::format("{}, line {}", name, number), columns);
        });
    else if (name.ends_with(".json"))
        read_json(task, bytes, name, columns);
    else if (name.ends_with(".txt"))
        read_lines(task, bytes, name);
    else
        throw Error(Code::usage, fmt::format("{}: expected .csv, .tsv, .jsonl, .json or .txt", name));
    if (task.items.empty()) throw Error(Code::bad_input, fmt::format("{}: no item is in it", name));
    if (!family.empty()) set_family(task, family);
    return task;
}

void write_task(const Task& task, const std::filesystem::path& path) {
    Json items = Json::array();
    for (const Item& item : task.items) items.push_back(Json{{"input", item.input}, {"output", item.output}});
    const Json json = {{"family", family_name(task.family)}, {"items", items}};
    const std::string bytes = json.dump(1) + "\n";
    // A task that load_task() would refuse is not written.
    const auto trial = std::filesystem::path(path.string() + ".part.json");
    write_file_atomic(trial, bytes);
    std::error_code ignored;
    try {
        load_task(trial);
    } catch (const Error& error) {
        std::filesystem::remove(trial, ignored);
        throw Error(error.code(), fmt::format("nothing was written: {}", error.what()));
    }
    std::filesystem::remove(trial, ignored);
    write_file_atomic(path, bytes);
}

}  // namespace tiller::cli
