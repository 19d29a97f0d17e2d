#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/text.h"
#include "core/util.h"
#include "tasks/family.h"
#include "tasks/json_events.h"
#include "tasks/table_file.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

constexpr std::uint64_t max_task_bytes = 64ULL << 20;

/// Builds items from the events of a task file. `place_` is where the walk is: in the root object, the list
/// of items, an item, or the list of strings of one side.
class TaskReader : public JsonEvents {
public:
    explicit TaskReader(std::string name) : name_(std::move(name)) {}

    std::vector<Item> take() && { return std::move(items_); }
    std::optional<Family> family() const { return family_; }
    /// From here on messages name this part of the file.
    void set_name(std::string name) { name_ = std::move(name); }
    ControlNames control_names() const {
        return !special_ ? ControlNames::refuse : *special_ ? ControlNames::parse : ControlNames::text;
    }

    void begin_list(std::size_t at) override {
        switch (place_) {
            case Place::before: place_ = Place::list; return;
            case Place::value: place_ = Place::values; return;
            case Place::items: place_ = Place::list; return;
            default: wrong("a list", at);
        }
    }
    void end_list(std::size_t at) override {
        if (place_ == Place::list) {
            if (items_.empty())
                fail(at,
                     "the list is empty; expected at least one {\"input\", \"output\"} object: add items");
            place_ = in_object_ ? Place::root : Place::after;
            return;
        }
        if (side().empty())
            fail(at,
                 fmt::format("the list of \"{}\" is empty; expected at least one string: add one", side_));
        place_ = Place::object;
    }
    void begin_object(std::size_t at) override {
        if (place_ == Place::before) {
            in_object_ = true;
            place_ = Place::root;
            return;
        }
        if (place_ != Place::list) wrong("an object", at);
        place_ = Place::object;
        inputs_.clear();
        outputs_.clear();
        has_input_ = has_output_ = false;
    }
    void key(std::string& name, std::size_t at) override {
        if (place_ == Place::root) return root_key(name, at);
        if (name != "input" && name != "output")
            fail(at, fmt::format(
                         "unknown key \"{}\"; expected only \"input\" and \"output\": remove or rename it",
                         excerpt(name)));
        bool& seen = name == "input" ? has_input_ : has_output_;
        if (seen)
            fail(at,
                 fmt::format("the key \"{}\" stands twice in one object; expected once: remove one of them",
                             name));
        seen = true;
        side_ = name;
        place_ = Place::value;
    }
    void boolean(bool value, std::size_t at) override {
        if (place_ != Place::special) wrong("true or false", at);
        special_ = value;
        place_ = Place::root;
    }
    void end_object(std::size_t at) override {
        if (place_ == Place::root) {
            if (items_.empty()) fail(at, "the object has no \"items\"; expected the list of items: add it");
            place_ = Place::after;
            return;
        }
        if (!has_input_ || !has_output_)
            fail(at, fmt::format("the object has no \"{}\"; expected both \"input\" and \"output\": add it",
                                 has_input_ ? "output" : "input"));
        Item item;
        item.id = static_cast<int>(items_.size());
        item.input = std::move(inputs_.front());
        item.output = outputs_.front();
        item.outputs = std::move(outputs_);
        items_.push_back(std::move(item));
        place_ = Place::list;
    }
    void string(std::string& value, std::size_t at) override {
        if (place_ == Place::family) return set_family(value, at);
        if (place_ != Place::value && place_ != Place::values) wrong("a string", at);
        const auto text = trim(value);
        if (text.empty())
            fail(at, fmt::format(
                         "a string of \"{}\" is empty or blank; expected text: fill it in or remove the item",
                         side_));
        // Prompts go through C interfaces that stop at a NUL.
        if (text.find('\0') != std::string_view::npos)
            fail(at,
                 fmt::format("a string of \"{}\" holds a NUL character; expected text: remove it", side_));
        side().emplace_back(text);
        if (place_ == Place::value) place_ = Place::object;
    }
    void other(const char* what, std::size_t at) override { wrong(what, at); }

private:
    enum class Place { before, root, special, family, items, list, object, value, values, after };

    void set_family(const std::string& value, std::size_t at) {
        family_ = family_from_name(value);
        if (!family_)
            fail(at, fmt::format(
                         "\"family\" is \"{}\"; expected functional, extractive or behavioural: correct it",
                         excerpt(value)));
        place_ = Place::root;
    }

    void root_key(const std::string& name, std::size_t at) {
        if (name != "special" && name != "family" && name != "items")
            fail(at,
                 fmt::format("the file holds an object with the key \"{}\"; expected a list of {{\"input\", "
                             "\"output\"}} objects, or {{\"special\": true, \"family\": \"behavioural\", "
                             "\"items\": [...]}}: put the items into [ ]",
                             excerpt(name)));
        if (name == "special"  ? special_.has_value()
            : name == "family" ? family_.has_value()
                               : !items_.empty())
            fail(at,
                 fmt::format("the key \"{}\" stands twice in one object; expected once: remove one of them",
                             name));
        place_ = name == "special" ? Place::special : name == "family" ? Place::family : Place::items;
    }

    std::vector<std::string>& side() { return side_ == "input" ? inputs_ : outputs_; }

    [[noreturn]] void fail(std::size_t at, const std::string& what) const {
        const bool inside = place_ == Place::object || place_ == Place::value || place_ == Place::values;
        // Items are counted from 0, as Item::id is.
        const auto item = inside ? fmt::format(", item {}", items_.size()) : std::string();
        throw Error(Code::bad_input, fmt::format("task file {}{}, byte {}: {}", name_, item, at, what));
    }
    [[noreturn]] void wrong(const char* found, std::size_t at) const {
        switch (place_) {
            case Place::root:
            case Place::special:
                fail(at, fmt::format("\"special\" is {}; expected true or false: correct it", found));
            case Place::family:
                fail(at, fmt::format(
                             "\"family\" is {}; expected functional, extractive or behavioural: correct it",
                             found));
            case Place::items:
                fail(at, fmt::format(
                             "\"items\" is {}; expected a list of {{\"input\", \"output\"}} objects: put the "
                             "items into [ ]",
                             found));
            case Place::before:
                fail(at, fmt::format(
                             "the file holds {}; expected a list of {{\"input\", \"output\"}} objects: put "
                             "the items into [ ]",
                             found));
            case Place::list:
                fail(at, fmt::format(
                             "item {} of the list is {}; expected an object {{\"input\": ..., \"output\": "
                             "...}}: correct or remove it",
                             items_.size(), found));
            case Place::value:
                fail(at,
                     fmt::format(
                         "\"{}\" is {}; expected a string or a list of strings: correct the value (numbers "
                         "go into quotation marks)",
                         side_, found));
            default:
                fail(at, fmt::format("the list of \"{}\" holds {}; expected strings only: correct the value",
                                     side_, found));
        }
    }

    std::string name_;
    std::vector<Item> items_;
    std::vector<std::string> inputs_, outputs_;
    std::string side_;
    bool has_input_ = false, has_output_ = false;
    bool in_object_ = false;  // The list is in an object with "special".
    std::optional<bool> special_;
    std::optional<Family> family_;
    Place place_ = Place::before;
};

// A .jsonl file: one item in each line.
void walk_lines(std::string_view bytes, const std::string& name, TaskReader& reader) {
    reader.begin_list(0);
    each_line(bytes, [&](std::string_view whole, std::size_t number) {
        const auto line = trim(whole);
        if (line.empty()) return;
        const std::string place = fmt::format("{}, line {}", name, number);
        reader.set_name(place);
        walk_json(line, "task file " + place, reader);
    });
    reader.end_list(bytes.size());
}

// A .csv or .tsv file: items from the columns "input" and "output"; other columns are ignored.
void walk_table(std::string_view bytes, char separator, const std::string& name, TaskReader& reader) {
    const Table table = read_table(bytes, separator, "task file " + name);
    const std::size_t sides[] = {table.column("input"), table.column("output")};
    reader.begin_list(0);
    for (const auto& row : table.rows) {
        reader.set_name(fmt::format("{}, line {}", name, row.line));
        reader.begin_object(0);
        for (const std::size_t side : sides) {
            std::string key = side == sides[0] ? "input" : "output", cell = row.cells[side];
            reader.key(key, 0);
            reader.string(cell, 0);
        }
        reader.end_object(0);
    }
    reader.end_list(0);
}

}  // namespace

Task load_task(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, max_task_bytes), name = path.string();
    TaskReader reader(name);
    if (const char separator = table_separator(name))
        walk_table(bytes, separator, name, reader);
    else if (name.ends_with(".jsonl"))
        walk_lines(bytes, name, reader);
    else
        walk_json(bytes, "task file " + name, reader);

    Task task;
    task.name = path.stem().string();
    std::error_code ec;
    const auto whole = std::filesystem::absolute(path, ec);
    const auto guess = family_of(task.name, (ec ? path : whole).parent_path().filename().string());
    task.family = reader.family().value_or(guess.family);
    task.family_from = reader.family() ? "its file" : guess.from;
    task.control_names = reader.control_names();
    task.items = std::move(reader).take();
    task.digest = sha256(bytes);
    task.path = path;
    return task;
}

ControlNames control_names_of(std::span<const Task> tasks) {
    for (const Task& task : tasks)
        if (task.control_names != tasks.front().control_names)
            throw Error(
                Code::bad_input,
                fmt::format("the tasks {} and {} differ in \"special\" (what control tokens' names in their "
                            "texts mean), and one run reads all of its tasks in one way; run them separately",
                            tasks.front().name, task.name));
    return tasks.empty() ? ControlNames::refuse : tasks.front().control_names;
}

}  // namespace tiller
