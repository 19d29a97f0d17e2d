// What of a repository is on this machine: in tiller's cache, the hub's own, and llama.cpp's.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "hub/choose.h"
#include "hub/settings.h"

namespace tiller::hub {

/// The file (the first part of a split model) that `name` means, without asking the hub: it has to be sure
/// which one that is, so a name without a quantisation finds a Q4_K_M only, or, offline, what there is.
std::optional<std::filesystem::path> find_local(const Name& name, const Settings& settings);

/// The same files, with their sizes and, where the cache knows it, their SHA-256: all parts of a model in one
/// folder. The first of them.
std::optional<std::filesystem::path> find_copy(const Name& name, const std::vector<RemoteFile>& parts,
                                               const Settings& settings);

/// Where a download goes.
std::filesystem::path own_file(const Name& name, const std::string& path, const Settings& settings);

}  // namespace tiller::hub
