#include "tasks/forms.h"

#include <fmt/format.h>

#include <algorithm>

#include "tasks/natural_text.h"
#include "tiller/error.h"

namespace tiller {
namespace {

constexpr std::size_t kOptions = 4;

bool is_right(const Item& item, const std::string& output) {
    return std::find(item.outputs.begin(), item.outputs.end(), output) != item.outputs.end();
}

}  // namespace

const std::vector<Form>& forms() {
    using Kind = Form::Kind;
    static const Template question = {"Question:", "Answer:", "\n", "\n\n", ""};
    static const std::vector<Form> all = {
        {"qa", "\"Q: x\", \"A: y\", the papers' form", Kind::answer, {}},
        {"arrow", "\"x -> y\", one line each", Kind::answer, {"", "->", " ", "\n", ""}},
        {"input-output",
         "\"Input: x\", \"Output: y\"",
         Kind::answer,
         {"Input:", "Output:", "\n", "\n\n", ""}},
        {"german", "\"Frage: x\", \"Antwort: y\"", Kind::answer, {"Frage:", "Antwort:", "\n", "\n\n", ""}},
        {"choice", "a question with options A to D, whose answer is the letter", Kind::choice, question},
        {"choice-word", "the same question, scored by the right option's own word", Kind::choice_word,
         question},
        {"natural", "a sentence that does not name the task", Kind::natural, {}},
    };
    return all;
}

const Form* find_form(const std::string& name) {
    for (const Form& form : forms())
        if (form.name == name) return &form;
    return nullptr;
}

std::string form_names(bool with_demonstrations) {
    std::string text;
    for (const Form& form : forms())
        if (form.has_demonstrations() || !with_demonstrations) text += (text.empty() ? "" : ", ") + form.name;
    return text;
}

Task choice_task(const Task& task, std::uint64_t seed) {
    std::vector<std::string> outputs;  // each once, in the order of items
    for (const Item& item : task.items)
        if (std::find(outputs.begin(), outputs.end(), item.output) == outputs.end())
            outputs.push_back(item.output);
    Task out = task;
    for (Item& item : out.items) {
        std::vector<std::string> wrong;
        for (const auto& output : outputs)
            if (!is_right(item, output)) wrong.push_back(output);
        if (wrong.empty())
            throw Error(Code::bad_input,
                        fmt::format("task {}, item {}: every output of the task is a right answer of it, so "
                                    "there is no wrong option; expected at least two different outputs: take "
                                    "the form \"choice\" out of the plan, or the task",
                                    task.name, item.id));
        Random random(seed, fmt::format("choice/{}", item.id));
        const auto n_wrong = std::min(wrong.size(), kOptions - 1);
        std::vector<std::string> options = {item.output};
        for (const int i : random.sample(static_cast<int>(wrong.size()), static_cast<int>(n_wrong)))
            options.push_back(wrong[static_cast<std::size_t>(i)]);
        random.shuffle(options);
        const std::string right = item.output;
        for (std::size_t i = 0; i < options.size(); ++i) {
            const char letter = static_cast<char>('A' + i);
            item.input += fmt::format("\n{}. {}", letter, options[i]);
            if (options[i] == right) item.output = std::string(1, letter);
        }
        item.outputs = {item.output};
    }
    return out;
}

Prompt TaskForm::prompt(std::span<const int> pool, int item, int n_shot, std::uint64_t seed) const {
    if (form->kind == Form::Kind::natural) return natural_text_prompt(task, item);
    return make_test_prompt(task, pool, item, form->has_demonstrations() ? n_shot : 0, seed, false,
                            form->pieces);
}

TaskForm task_form(const Task& task, const std::string& form, std::uint64_t seed) {
    const Form* found = find_form(form);
    if (!found)
        throw Error(Code::usage, fmt::format("unknown form \"{}\"; known: {}", form, form_names(false)));
    if (found->kind == Form::Kind::answer || found->kind == Form::Kind::natural) return {found, task};
    TaskForm out{found, choice_task(task, seed)};
    if (found->kind == Form::Kind::choice_word)
        for (std::size_t i = 0; i < task.items.size(); ++i) {
            out.task.items[i].output = task.items[i].output;
            out.task.items[i].outputs = task.items[i].outputs;
        }
    return out;
}

}  // namespace tiller
