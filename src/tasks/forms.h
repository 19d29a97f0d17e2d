// Forms: how a task's items are written as prompts. The protocol "transfer" extracts vectors in some forms
// and applies them in all.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/task.h"

namespace tiller {

/// One way of writing items as prompts.
struct Form {
    enum class Kind {
        answer,       ///< The answer itself follows a prefix: only the template differs.
        choice,       ///< Multiple choice; the answer is a letter.
        choice_word,  ///< The prompts of `choice`, but the right answers are the task's own words.
        natural,      ///< Running text (natural_text.h).
    };
    std::string name;
    std::string what;  ///< For notes, like "Q: x, A: y".
    Kind kind = Kind::answer;
    Template pieces = {};  ///< Not used by Kind::natural.

    /// Can demonstrations be written in this form, so that vectors can be extracted in it? In other forms
    /// they can only be applied.
    bool has_demonstrations() const { return kind == Kind::answer || kind == Kind::choice; }
};

/// All forms; the first is that of the papers ("Q: x", "A: y").
const std::vector<Form>& forms();
/// nullptr when there is none of this name.
const Form* find_form(const std::string& name);
/// "qa, arrow, ...", for messages. `with_demonstrations`: only forms with demonstrations.
std::string form_names(bool with_demonstrations);

/// The task as multiple choice: each input is followed by lines "A. ...", "B. ...", and the output is the
/// letter of the right one. The wrong options are outputs of other items that are not right for this one,
/// drawn by `seed` and the item's id. There are four options, or fewer when the task has fewer outputs. Items
/// keep their order and ids. Throws bad_input, naming task and item, when an item has no wrong option.
Task choice_task(const Task& task, std::uint64_t seed);

/// A task in a form. `form` points into forms().
struct TaskForm {
    const Form* form = nullptr;
    Task task;  ///< Rewritten as multiple choice where the form needs that; else the task as it was.

    /// The prompt by which an item (index into task.items) is tested, as make_test_prompt() makes it. In
    /// forms without demonstrations all prompts are zero-shot, whatever n_shot is.
    Prompt prompt(std::span<const int> pool, int item, int n_shot, std::uint64_t seed) const;
};
/// The task in the form of that name; `seed` draws the options of multiple choice. Throws usage for an
/// unknown name, and what choice_task() throws.
TaskForm task_form(const Task& task, const std::string& form, std::uint64_t seed);

}  // namespace tiller
