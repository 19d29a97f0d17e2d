#include "methods/concepts.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/paths.h"
#include "tasks/forms.h"
#include "tiller/error.h"

namespace tiller {
namespace {

constexpr std::size_t kOthers = 4;  // tasks compared with the vector's own, at most

bool is_behavioural(const Task& task) { return task.family == Family::behavioural; }

// Can every task be asked as multiple choice: does every item have a wrong answer among its task's outputs?
bool has_choice(std::span<const Task* const> tasks) {
    return std::all_of(tasks.begin(), tasks.end(), [](const Task* task) {
        return !is_behavioural(*task) &&
               std::all_of(task->items.begin(), task->items.end(), [&](const Item& item) {
                   return std::any_of(task->items.begin(), task->items.end(), [&](const Item& other) {
                       return std::find(item.outputs.begin(), item.outputs.end(), other.output) ==
                              item.outputs.end();
                   });
               });
    });
}

}  // namespace

std::vector<Task> concept_catalogue() {
    std::vector<Task> tasks;
    for (const char* name : {"antonym", "country-capital", "english-french", "present-past",
                             "singular-plural", "sentiment_transfer", "formality", "detoxification"})
        tasks.push_back(find_task(name, data_dir()));
    return tasks;
}

std::vector<ConceptForm> concepts_of(const Task& task, std::span<const Task> others,
                                     std::span<const Task> catalogue, std::span<const int> train,
                                     std::uint64_t seed) {
    std::vector<const Task*> tasks = {&task};
    for (const auto list : {others, catalogue})
        for (const Task& other : list) {
            const bool is_in = std::any_of(tasks.begin(), tasks.end(), [&](const Task* t) {
                return t->name == other.name || t->digest == other.digest;
            });
            if (tasks.size() <= kOthers && !is_in && is_behavioural(other) == is_behavioural(task))
                tasks.push_back(&other);
        }
    if (tasks.size() < 3)
        throw Error(Code::usage,
                    fmt::format("concept-heads on {}: {} other {} task to tell it from, expected at least 2: "
                                "name more tasks, or leave the method out",
                                task.name, tasks.size() - 1, family_name(task.family)));
    std::vector<const char*> forms = {"qa", "arrow", "german"};
    if (has_choice(tasks)) forms.push_back("choice");
    std::vector<ConceptForm> concepts;
    for (const Task* of : tasks) {
        const auto items =
            of == &task ? std::vector<int>(train.begin(), train.end()) : split_task(*of, seed).train;
        for (const char* name : forms) {
            auto form = task_form(*of, name, seed);
            concepts.push_back({name, std::move(form.task), items, form.form->pieces});
        }
    }
    return concepts;
}

}  // namespace tiller
