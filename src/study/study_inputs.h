// What a study works with, found and checked before the first minute of work.
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

/// References outlive the object.
class StudyInputs {
public:
    /// Throws what is wrong with the plan, its tasks, models and data files.
    StudyInputs(const Plan& plan, const StudyHost& host);

    const Plan& plan() const { return plan_; }
    const StudyHost& host() const { return host_; }
    const Protocol& protocol() const { return protocol_; }
    const std::vector<Task>& tasks() const { return tasks_; }
    std::size_t n_model() const { return files_.size(); }
    const std::string& model_name(std::size_t model) const { return plan_.models[model]; }
    const std::filesystem::path& model_file(std::size_t model) const { return files_[model]; }
    std::shared_ptr<const Model> load_model(std::size_t model) const;
    /// Of every prompt on a model that load_model() gave.
    Template form_of(const Model& model) const;
    /// Of all data that the study reads: task files, instructions, sentences, competing vectors.
    std::string data_digest() const;

    /// The name of a task's closing unit, which holds a digest of all that the task's numbers depend on.
    std::string closing(std::size_t model, const ModelInfo& info, std::size_t task, std::uint64_t seed) const;
    /// A task ready to be run, but for its style scorer.
    TaskContext context(std::size_t model, std::size_t task, std::uint64_t seed, Engine& engine,
                        Journal& journal, const std::filesystem::path& folder) const;

private:
    std::optional<Instruction> instruction_of(const Task& task) const;
    std::string key(const ModelInfo& info, const Task& task, std::uint64_t seed) const;

    const Plan& plan_;
    const StudyHost& host_;
    const Protocol& protocol_;
    std::vector<Task> tasks_;
    std::vector<Task> further_concepts_;  // where a method of the plan wants concepts; else empty
    std::vector<std::filesystem::path> files_;
    std::vector<std::string> unrelated_, further_;  // sentences; digests that all tasks depend on
    std::string chat_template_;                     // the text of the plan's file; empty = the models' own
    std::map<std::string, Instruction> instructions_;
};

/// Trains the style scorer of a behavioural task on its training items; the other splits judge it. Nothing
/// for other tasks.
void train_scorer(TaskContext& context);

}  // namespace tiller::study
