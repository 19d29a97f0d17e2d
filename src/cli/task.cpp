// tiller task new, tiller task check: own data as a task, and what it can show.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/task_file.h"
#include "cli/task_option.h"
#include "core/shell.h"
#include "core/util.h"
#include "report/escape.h"
#include "tiller/error.h"
#include "tiller/task_check.h"

namespace tiller::cli {
namespace {

constexpr int kShown = 5;
constexpr int kUsualShots = 10;

std::string shown_text(const std::string& text) {
    constexpr std::size_t most = 48;
    std::size_t n = std::min(most, text.size());
    while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
    return report::terminal_text(text.substr(0, n) + (n < text.size() ? "..." : ""));
}

const Item& item_of(const Task& task, int id) {
    return *std::find_if(task.items.begin(), task.items.end(),
                         [&](const Item& item) { return item.id == id; });
}

// The first few, and how many there are.
template <class List, class Line>
std::string some(const List& list, const std::string& head, const Line& line) {
    if (list.empty()) return {};
    std::string text = fmt::format("! {}: {}\n", head, list.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), kShown); ++i)
        text += "    " + line(list[i]) + "\n";
    if (list.size() > kShown) text += fmt::format("    and {} more\n", list.size() - kShown);
    return text;
}

std::string pair_line(const Task& task, const ItemPair& pair) {
    const Item &a = item_of(task, pair.second), &b = item_of(task, pair.first);
    return fmt::format("items {} and {}: {} -> {} | {} -> {}", a.id + 1, b.id + 1, shown_text(a.input),
                       shown_text(a.output), shown_text(b.input), shown_text(b.output));
}

std::string size_text(const Task& task, const TaskCheck& check) {
    std::string text =
        fmt::format("{}: {} task, {} items: {} to train, {} to choose settings, {} to test\n", task.name,
                    family_name(task.family), check.n_item, check.n_train, check.n_valid, check.n_test);
    text += fmt::format("  With {} test item{} a share of 0.5 is known to +-{:.2f} (95 %)", check.n_test,
                        check.n_test == 1 ? "" : "s", check.half_interval);
    if (check.smallest_difference > 1)
        return text + ", and no difference between two methods can be shown. More items are needed.\n";
    return text + fmt::format(
                      ", and two methods must differ by {:.2f} or more before that can be called more than "
                      "chance (p < 0.05, in the best case).\n",
                      check.smallest_difference);
}

std::string text_of(const Task& task, const TaskCheck& check, const Model* model) {
    std::string text = size_text(task, check);
    const auto pair = [&](const ItemPair& p) { return pair_line(task, p); };
    text += some(check.contradicting, "the same input with other answers", pair);
    text += some(check.repeated, "items that stand twice (each input counts once)", pair);
    text += some(check.leaks,
                 "test or validation items whose input is a training item's, so that they were seen", pair);
    text += some(check.unchanged, "answers that are the input", [&](int id) {
        return fmt::format("item {}: {}", id + 1, shown_text(item_of(task, id).input));
    });
    if (model) {
        text += some(check.shared_first,
                     "first tokens that several answers share, which first-token scores cannot tell apart",
                     [&](const SharedFirstToken& s) {
                         std::string items;
                         for (std::size_t i = 0; i < std::min<std::size_t>(s.items.size(), 4); ++i)
                             items += (i ? ", " : "") + shown_text(item_of(task, s.items[i]).output);
                         return fmt::format("'{}': {} answers ({}{})",
                                            report::terminal_text(valid_utf8(model->piece(s.token))),
                                            s.items.size(), items, s.items.size() > 4 ? ", ..." : "");
                     });
        if (!check.long_answers.empty())
            text += fmt::format(
                "  {} of {} answers have several tokens; first-token scores see the first only.\n",
                check.long_answers.size(), check.n_item);
        text += fmt::format(
            "  Longest item {} tokens, a prompt of {} demonstrations at most {}; the model reads {}.\n",
            check.longest_item, kUsualShots, check.longest_prompt, model->info().n_ctx_train);
        if (check.longest_prompt > model->info().n_ctx_train)
            text +=
                "! prompts with demonstrations may be longer than the model reads: shorten items, or give "
                "fewer "
                "demonstrations\n";
    }
    return text;
}

nlohmann::json json_of(const Task& task, const TaskCheck& check, bool with_model) {
    const auto pairs = [](const std::vector<ItemPair>& list) {
        nlohmann::json out = nlohmann::json::array();
        for (const auto& [later, earlier] : list) out.push_back({earlier, later});
        return out;
    };
    nlohmann::json json = {
        {"task", task.name},
        {"family", family_name(task.family)},
        {"digest", task.digest},
        {"items", check.n_item},
        {"split", {{"train", check.n_train}, {"valid", check.n_valid}, {"test", check.n_test}}},
        {"half_interval", check.half_interval},
        {"smallest_difference", check.smallest_difference},
        {"repeated", pairs(check.repeated)},
        {"contradicting", pairs(check.contradicting)},
        {"leaks", pairs(check.leaks)},
        {"unchanged", check.unchanged}};
    if (!with_model) return json;
    json["shared_first_tokens"] = nlohmann::json::array();
    for (const auto& s : check.shared_first)
        json["shared_first_tokens"].push_back({{"token", s.token}, {"items", s.items}});
    json["answers_of_several_tokens"] = check.long_answers;
    json["longest_item_tokens"] = check.longest_item;
    json["longest_prompt_tokens"] = check.longest_prompt;
    return json;
}

void add_check(CLI::App& task_command, Globals& globals) {
    struct Options {
        std::string task, model, data_dir, family;
    };
    auto o = std::make_shared<Options>();
    auto* command = task_command.add_subcommand(
        "check", "Duplicates, leaks, lengths, and how small an effect it can show");
    command->add_option("task", o->task, "Task name or file")->required();
    command->add_option("-m,--model", o->model,
                        "Model whose tokens count (without one, texts alone are compared)");
    command->add_option("--data-dir", o->data_dir, "Folder of task files (default: tiller's own)");
    add_family_option(*command, o->family);
    add_globals(*command, globals);
    command->callback([o, &globals] {
        const Task task = given_task(o->task, o->data_dir, o->family, globals);
        std::shared_ptr<const Model> model;
        if (!o->model.empty()) model = open_model(o->model, globals, task.control_names);
        std::function<std::vector<Token>(std::string_view)> tokenize;
        if (model)
            tokenize = [&](std::string_view text) {
                return model->tokenize(text, {false, task.control_names == ControlNames::parse});
            };
        const TaskCheck check = check_task(task, globals.seed, kUsualShots, tokenize);
        print(globals.json ? json_of(task, check, model != nullptr).dump() + "\n"
                           : text_of(task, check, model.get()));
    });
}

void add_new(CLI::App& task_command, Globals& globals) {
    struct Options {
        std::string file, out, family;
        TaskColumns columns;
    };
    auto o = std::make_shared<Options>();
    auto* command =
        task_command.add_subcommand("new", "Make a task file from a table, lines of text, or lists");
    command
        ->add_option("file", o->file, ".csv, .tsv, .jsonl, .txt (input, a tab or ' -> ', answer), or .json")
        ->required();
    command->add_option("-o,--output", o->out, "Task file to write (.json)")->required();
    command->add_option("--input", o->columns.input, "Column of the inputs: its name, or its number from 1")
        ->capture_default_str();
    command->add_option("--answer", o->columns.output, "Column of the answers")->capture_default_str();
    command->add_flag("--no-header", o->columns.no_header, "The table's first line is an item");
    add_family_option(*command, o->family);
    add_globals(*command, globals);
    command->callback([o, &globals] {
        if (!o->out.ends_with(".json"))
            throw Error(Code::usage, fmt::format("{}: a task file's name ends in .json", o->out));
        check_output(o->out);
        const Task task = read_new_task(o->file, o->columns, o->family);
        write_task(task, o->out);
        note(globals, fmt::format("{} holds {} items; what it can show: tiller task check {} -m MODEL",
                                  o->out, task.items.size(), shell_word(o->out)));
        if (globals.json)
            print(nlohmann::json{
                      {"task", o->out}, {"items", task.items.size()}, {"family", family_name(task.family)}}
                      .dump() +
                  "\n");
    });
}

}  // namespace

void add_task(CLI::App& app, Globals& globals) {
    auto* command = app.add_subcommand("task", "Make a task of your own data, or check one");
    command->require_subcommand(1);
    add_new(*command, globals);
    add_check(*command, globals);
}

}  // namespace tiller::cli
