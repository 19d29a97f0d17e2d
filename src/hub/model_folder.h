// Where fetched models lie, whatever fetched them.
#pragma once

#include <filesystem>

namespace tiller::hub {

/// Makes a folder of the models' cache, and those above it. Throws environment.
void make_model_folder(const std::filesystem::path& path);

/// Gives a whole, synced file its name, and syncs the folder: after a crash the name has the whole file or
/// what it had before. Both in one folder. Throws environment.
void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tiller::hub
