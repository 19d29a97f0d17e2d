// Checks and notes before the first work on a model and on a task.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "study/task_context.h"
#include "tiller/study.h"

namespace tiller::study {

/// Runs the fast part of diagnose() on the engine's model, so that no study uses hooks that do not work.
/// `name` is the model's name in the plan, for progress and for the cost ledger of `folder`. Throws
/// unsupported when a check fails, and what diagnose() throws.
void check_model(Engine& engine, const std::filesystem::path& folder, const std::string& name,
                 const StudyHost& host);

/// Notes to the host how much memory the most demanding of the tasks needs, with prompts of this form. Throws
/// environment when that is more than what is free.
void say_memory(const Plan& plan, const Engine& engine, const std::vector<Task>& tasks, const Template& form,
                const StudyHost& host);

/// Notes to the host that the model has a chat template and is compared in plain text. Does nothing where the
/// plan asks for conversations, the model has no template, or the protocol does not take conversations.
void say_chat(const Plan& plan, const Model& model, const StudyHost& host);

/// Notes to the host that the task was finished in this run folder before, under another key, and is computed
/// again.
void say_computed_again(const TaskContext& context);

/// Throws bad_input when an answer of any item cannot follow the item's zero-shot prompt (answer_tokens()),
/// so that this is found before work on other items. Behavioural tasks are not checked.
void check_answers(const TaskContext& context);

/// Notes to the host how many items repeat the input of another item, and how many test items have the input
/// of a training item. A number of 0 is not noted.
void say_seen(const TaskContext& context);

}  // namespace tiller::study
