// Finds files of a repository on this machine: in the caches of tiller, of huggingface_hub and of llama.cpp.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "hub/choose.h"
#include "hub/settings.h"

namespace tiller::hub {

/// The file that `name` means (the first part of a split model), without asking the hub; nullopt when no
/// cache has it. A name without quantisation and file finds only a Q4_K_M, or in llama.cpp's cache what its
/// manifest calls "latest": others might not be what the hub would give. Offline it finds what choose()
/// takes.
std::optional<std::filesystem::path> find_local(const Name& name, const Settings& settings);

/// The first part of a copy of the model whose parts the hub lists as `parts`; nullopt when no cache has all
/// of them in one folder. Sizes must agree, and SHA-256 where the cache has it in the file's name; contents
/// are not read.
std::optional<std::filesystem::path> find_copy(const Name& name, const std::vector<RemoteFile>& parts,
                                               const Settings& settings);

/// Where a file of the repository is downloaded to.
std::filesystem::path own_file(const Name& name, const std::string& path, const Settings& settings);

}  // namespace tiller::hub
