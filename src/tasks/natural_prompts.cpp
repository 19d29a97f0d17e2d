// Prompts as running text: the beginning of a sentence that the right answer continues.
#include <fmt/format.h>

#include "tasks/item_at.h"
#include "tasks/repeats.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {

const std::vector<std::string>& natural_templates(std::string_view task_name) {
    static const std::vector<std::string> places = {
        "Last spring we spent a week in {X}, and",
        "Anyone who travels to {X} should see",
        "The first thing that {X} brings to mind is",
    };
    static const std::vector<std::string> words = {
        "In plain terms, the word \"{X}\" stands for",
        "Asked what \"{X}\" means, she answered that it means",
        "In this sentence you could replace \"{X}\" by",
        "I met the word \"{X}\" in a novel, and the notes at the end say that it means",
        "Whenever somebody says \"{X}\", I take it to mean",
    };
    return task_name == "country-capital" ? places : words;
}

Prompt make_natural_prompt(const Task& task, int item, std::string_view form) {
    constexpr std::string_view place = "{X}";
    const auto at = form.find(place);
    if (at == std::string_view::npos)
        throw Error(Code::usage, fmt::format("the template \"{}\" has no {{X}}; expected one place for the "
                                             "input: write {{X}} where it goes",
                                             form));
    const Item& asked = item_at(task, item);
    Prompt prompt;
    prompt.text = std::string(form.substr(0, at)) + asked.input + std::string(form.substr(at + place.size()));
    prompt.target = " " + asked.output;
    for (const auto& output : right_answers(task, asked)) prompt.targets.push_back(" " + output);
    prompt.item = asked.id;
    return prompt;
}

}  // namespace tiller
