// Forms in which a task's items are written: where a vector is taken, and where it is applied.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/task.h"

namespace tiller {

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
    Template pieces = {};

    /// Can demonstrations be written in it, so that vectors can be taken? Others are places of application.
    bool has_demonstrations() const { return kind == Kind::answer || kind == Kind::choice; }
};

/// All forms; the first is the papers'.
const std::vector<Form>& forms();
/// nullptr when there is none of this name.
const Form* find_form(const std::string& name);
/// "qa, arrow, ...": for messages.
std::string form_names(bool with_demonstrations);

/// The task as multiple choice: each input is followed by lines "A. ...", "B. ...", and the output is the
/// letter of the right one. The other options are outputs of other items that are no right answer of this
/// one, drawn by `seed` and the item; up to four options, fewer when the task has fewer outputs. Items keep
/// their order and ids. Throws bad_input, naming task and item, when an item has no wrong option.
Task choice_task(const Task& task, std::uint64_t seed);

/// A task in a form. `form` points into forms().
struct TaskForm {
    const Form* form = nullptr;
    Task task;  ///< Rewritten where the form changes more than the template; else as it was.

    /// The prompt by which an item (index into task.items) is tested, as make_test_prompt() makes it. Forms
    /// without demonstrations have zero-shot prompts alone, whatever n_shot is.
    Prompt prompt(std::span<const int> pool, int item, int n_shot, std::uint64_t seed) const;
};
/// Throws usage for an unknown name; errors of choice_task() pass through.
TaskForm task_form(const Task& task, const std::string& form, std::uint64_t seed);

}  // namespace tiller
