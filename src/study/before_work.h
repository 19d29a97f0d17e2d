// What is looked at before the first work on a model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "study/task_context.h"
#include "tiller/study.h"

namespace tiller::study {

/// The fast part of diagnose(), charged to the folder's costs: a model whose hooks do not do what they say
/// gets no numbers. Throws unsupported.
void check_model(Engine& engine, const std::filesystem::path& folder, const std::string& name,
                 const StudyHost& host);

/// Says to the host what the largest task takes, with prompts of this form; throws environment when it cannot
/// fit.
void say_memory(const Plan& plan, const Engine& engine, const std::vector<Task>& tasks, const Template& form,
                const StudyHost& host);

/// Says to the host that a model with a chat template is compared in plain text, where it is.
void say_chat(const Plan& plan, const Model& model, const StudyHost& host);

/// Throws bad_input when an item's answer cannot follow its prompt (answer_tokens()), before work is done on
/// the others.
void check_answers(const TaskContext& context);

/// Says to the host how many items repeat an input, and where test items' inputs stand among the training
/// items.
void say_seen(const TaskContext& context);

}  // namespace tiller::study
