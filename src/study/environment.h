// The program, the machine and the models that computed a run (environment.json), and the checks that a run
// folder belongs to a plan.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/study.h"

namespace tiller::study {

/// A model as environment.json has it: `name` is how the plan names it, `path` the model's own name.
struct ModelRecord : ModelSummary {};
ModelRecord model_record(const std::string& plan_name, const Model& model);

/// In a merged run (src/many) whose machines compute differently: machines that compute alike, and the blocks
/// that they computed, as texts for people.
struct MachineClass {
    std::string name;
    std::vector<std::string> machines, blocks;
    bool operator==(const MachineClass&) const = default;
};

struct Environment {
    std::string program_version, engine_version, machine, command;
    std::string weights, cache;  ///< name_of(Weights); "f32" or "f16". Empty in folders of old versions.
    bool flash_attention = false;
    int gpu_layers = 0, max_rows = 0;
    std::vector<ModelRecord> models;
    /// Names of the closing units that belong to the run. The journal may have others, of an older version of
    /// the program, a task file or a model: these are no results any more.
    std::vector<std::string> tasks;
    std::vector<MachineClass> machine_classes = {};  ///< Empty when all machines compute alike.
    std::vector<std::string> servers = {};  ///< Servers that had layers of the models (StudyHost::rpc).
};

/// This machine, for people: processor, number of cores, system.
std::string machine_text();

/// The plan of a run folder. Where an older version wrote the file, the keys that it did not know get the
/// values that it computed with. Errors as load_plan().
Plan load_run_plan(const std::filesystem::path& folder);
/// Checks that a run of the plan may use the folder, without writing: it has a plan.toml of the same plan, or
/// none and no file that a run would overwrite. A missing folder passes. Throws bad_input.
void check_folder(const Plan& plan, const std::filesystem::path& folder);
/// Undoes claim_folder() after a run that failed before it computed anything: removes the files that every
/// run writes first, and the folder if it is empty then. Does nothing when there are records, vectors or
/// checkpoints. Call it while the run has its lock.
void give_folder_back(const std::filesystem::path& folder) noexcept;
/// check_folder(), then writes plan.toml when there is none. Throws bad_input, environment.
void claim_folder(const Plan& plan, const std::filesystem::path& folder);

/// Replaces environment.json, atomically. Throws environment.
void write_environment(const std::filesystem::path& folder, const Environment& environment);
/// The same, with this program, this machine and the host's settings. `tasks` is Environment::tasks.
void write_environment(const std::filesystem::path& folder, const StudyHost& host,
                       const std::vector<ModelRecord>& models, const std::vector<std::string>& tasks);
/// Throws missing, bad_input.
Environment read_environment(const std::filesystem::path& folder);
/// The types of weights and KV cache, to be written after the machine's text: "; float32 throughout (exact)".
/// "" for folders of old versions, which do not say it.
std::string arithmetic_text(const Environment& environment);

}  // namespace tiller::study
