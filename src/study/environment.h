// What a run folder says about the program, the machine and the models that made it: environment.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/study.h"

namespace tiller::study {

/// A model as environment.json has it: `name` is how the plan names it, `path` the model's own name.
struct ModelRecord : ModelSummary {};
ModelRecord model_record(const std::string& plan_name, const Model& model);

/// Blocks of a merged run whose machines compute differently (src/many): for each class its machines and
/// blocks, as texts for people.
struct MachineClass {
    std::string name;
    std::vector<std::string> machines, blocks;
    bool operator==(const MachineClass&) const = default;
};

struct Environment {
    std::string program_version, engine_version, machine, command;
    std::string weights, cache;  ///< Empty in folders of versions that did not say it.
    bool flash_attention = false;
    int gpu_layers = 0, max_rows = 0;
    std::vector<ModelRecord> models;
    /// The closing units that this start goes for: what an older version of the program, of a task file or of
    /// a model left in the records is no result any more.
    std::vector<std::string> tasks;
    std::vector<MachineClass> machine_classes = {};  ///< Empty but for mixtures.
    std::vector<std::string> servers = {};           ///< That held layers of the models (StudyHost::rpc).
};

/// This machine: processor, cores, system.
std::string machine_text();

/// The plan of a run folder; what its version did not know yet is as it was then. Errors as load_plan().
Plan load_run_plan(const std::filesystem::path& folder);
/// Before anything is touched: the folder is new, or holds a run of this plan, or nothing that a run would
/// write over. Throws bad_input.
void check_folder(const Plan& plan, const std::filesystem::path& folder);
/// Takes back claim_folder() of a start that failed before it had anything to keep: removes what a start
/// writes, and the folder when it is empty then. Leaves it alone where records, vectors or checkpoints are.
void give_folder_back(const std::filesystem::path& folder) noexcept;
/// Writes plan.toml into a new folder. An existing one must hold the same plan: bad_input.
void claim_folder(const Plan& plan, const std::filesystem::path& folder);

void write_environment(const std::filesystem::path& folder, const Environment& environment);
/// The same; the program, the machine and the host's settings are filled in.
void write_environment(const std::filesystem::path& folder, const StudyHost& host,
                       const std::vector<ModelRecord>& models, const std::vector<std::string>& tasks);
/// Throws missing, bad_input.
Environment read_environment(const std::filesystem::path& folder);
/// What was computed with, to be read behind the machine's name ("; float32 throughout (exact)"); "" for
/// folders that do not say it.
std::string arithmetic_text(const Environment& environment);

}  // namespace tiller::study
