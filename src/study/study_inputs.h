// The inputs of a study (tasks, model files, instructions), found and checked before the work starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "study/protocol.h"

namespace tiller::study {

/// The plan and the host must outlive the object. Models and tasks are named by their indices in the plan.
class StudyInputs {
public:
    /// Finds and checks everything but the contents of model files. Throws what check_plan(), find_task(),
    /// Protocol::check_task(), StudyHost::resolve_model and the readers of data files throw, and bad_input
    /// when the plan's tasks do not go together.
    StudyInputs(const Plan& plan, const StudyHost& host);

    const Plan& plan() const { return plan_; }
    const StudyHost& host() const { return host_; }
    const Protocol& protocol() const { return protocol_; }
    const std::vector<Task>& tasks() const { return tasks_; }
    std::size_t n_model() const { return files_.size(); }
    const std::string& model_name(std::size_t model) const { return plan_.models[model]; }
    const std::filesystem::path& model_file(std::size_t model) const { return files_[model]; }
    /// Loads a model with the host's and the protocol's options. Errors as Model::load(); with conversations
    /// also those of require_no_control_names().
    std::shared_ptr<const Model> load_model(std::size_t model) const;
    /// The form of all prompts on a model that load_model() returned.
    Template form_of(const Model& model) const;
    /// A digest of the data that the study reads: tasks, instructions, unrelated sentences, competing vectors
    /// and the plan's chat template.
    std::string data_digest() const;

    /// The name of a task's closing unit. It contains a digest of all that the task's numbers depend on.
    std::string closing(std::size_t model, const ModelInfo& info, std::size_t task, std::uint64_t seed) const;
    /// The context of a task, ready to be run except for its style scorer (train_scorer()). `engine` has the
    /// model. Plan, host, engine and journal must outlive the context.
    TaskContext context(std::size_t model, std::size_t task, std::uint64_t seed, Engine& engine,
                        Journal& journal, const std::filesystem::path& folder) const;

private:
    std::optional<Instruction> instruction_of(const Task& task) const;
    std::string key(const ModelInfo& model, const Task& task, std::uint64_t seed) const;

    const Plan& plan_;
    const StudyHost& host_;
    const Protocol& protocol_;
    std::vector<Task> tasks_;
    std::vector<Task> further_concepts_;  // empty when no method wants concepts
    std::vector<std::filesystem::path> files_;
    std::vector<std::string> unrelated_, further_;  // sentences; digests and texts that all tasks depend on
    std::string chat_template_;                     // contents of the plan's file; empty = the models' own
    std::map<std::string, Instruction> instructions_;
};

/// Sets TaskContext::scorer of a behavioural task: a StyleScorer trained on the split's training items, whose
/// accuracy is measured on its test and validation items. Does nothing for other tasks. Errors as
/// StyleScorer::train().
void train_scorer(TaskContext& context);

}  // namespace tiller::study
