// Folders and names of downloaded models.
#pragma once

#include <filesystem>

namespace tiller::hub {

/// Makes a folder of the models' cache and its parents. Throws environment.
void make_model_folder(const std::filesystem::path& path);

/// Renames a whole, synced file and syncs the folder: after a crash `to` is the whole file or what it was
/// before. Both paths are in the same folder. Throws environment.
void put_in_place(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tiller::hub
