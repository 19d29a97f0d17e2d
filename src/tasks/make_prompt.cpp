#include <algorithm>

#include "tasks/item_at.h"
#include "tasks/question.h"
#include "tasks/repeats.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

/// Permutes the labels so that at least one string moves, when they are not all equal.
void shuffle_until_moved(std::vector<std::string>& labels, Random& random) {
    const auto before = labels;
    random.shuffle(labels);
    // Rotating by one moves a label unless all are equal. Shuffling until one moves might not end.
    if (labels == before && !labels.empty()) std::rotate(labels.begin(), labels.begin() + 1, labels.end());
}

}  // namespace

std::string question_text(const Template& form, const std::string& input, bool is_first) {
    return form.input_prefix + (form.input_prefix.empty() ? "" : form.blank) +
           (is_first ? form.opening : "") + input + form.separator + form.output_prefix;
}

Template with_instruction(Template form, const std::string& instruction) {
    (form.is_chat ? form.opening : form.instructions) = instruction + "\n\n";
    return form;
}

Prompt make_prompt(const Task& task, std::span<const int> demos, int query, const Template& form,
                   bool shuffle_labels, Random* random) {
    if (shuffle_labels && random == nullptr)
        throw Error(Code::usage, "make_prompt: shuffle_labels needs random numbers; pass a Random");
    const Item& asked = item_at(task, query);

    std::vector<std::string> labels;
    for (const int demo : demos) labels.push_back(item_at(task, demo).output);
    if (shuffle_labels) shuffle_until_moved(labels, *random);

    Prompt prompt;
    prompt.text = form.instructions;
    for (std::size_t i = 0; i < demos.size(); ++i)
        prompt.text +=
            question_text(form, item_at(task, demos[i]).input, i == 0) + form.blank + labels[i] + form.end;
    prompt.text += question_text(form, asked.input, demos.empty());
    prompt.target = form.blank + asked.output;
    for (const auto& output : right_answers(task, asked)) prompt.targets.push_back(form.blank + output);
    prompt.item = asked.id;
    return prompt;
}

}  // namespace tiller
