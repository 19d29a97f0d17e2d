// What a run folder says about the program, the machine and the models that made it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tiller/study.h"

namespace tiller::study {

/// Before anything is touched: the folder is new, or holds a run of this plan, or nothing that a run would
/// write over. Throws bad_input.
void check_folder(const Plan& plan, const std::filesystem::path& folder);
/// Takes back claim_folder() of a start that failed before it had anything to keep: removes what a start
/// writes, and the folder when it is empty then. Leaves it alone where records or checkpoints are.
void give_folder_back(const std::filesystem::path& folder) noexcept;
/// Writes plan.toml into a new folder. An existing one must hold the same plan: bad_input.
void claim_folder(const Plan& plan, const std::filesystem::path& folder);

/// A model as environment.json has it; `plan_name` is how the plan names it.
nlohmann::json model_record(const std::string& plan_name, const ModelInfo& info);

/// environment.json. `tasks` are the names of the closing units that this start goes for: what an older
/// version of the program, of a task file or of a model left in the records is no result any more.
void write_environment(const std::filesystem::path& folder, const StudyHost& host,
                       const nlohmann::json& models, const nlohmann::json& tasks);
/// Throws missing, bad_input.
nlohmann::json read_environment(const std::filesystem::path& folder);
/// What was computed with, to be read behind the machine's name ("; float32 throughout (exact)"); "" for
/// folders that do not say it.
std::string arithmetic_text(const nlohmann::json& environment);

}  // namespace tiller::study
