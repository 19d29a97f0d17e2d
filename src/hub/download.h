// Brings one file of a repository here.
#pragma once

#include <filesystem>

#include "hub/choose.h"
#include "hub/settings.h"

namespace tiller::hub {

/// Downloads a file to `target`, whose folder is made. It grows under a temporary name beside it, from which
/// a later call goes on; size and SHA-256 are checked, the file is synced, and then takes its name: under
/// that name there is never a part of a model. One process at a time; a second one waits, and then finds it
/// here. `anew`: also where a file of that size has the name already. Returns whether it was downloaded (not
/// by another process meanwhile). Throws environment (network, disk, permission), missing, bad_input (other
/// bytes than the hub's list says; they are removed), interrupted.
bool download(const Name& name, const RemoteFile& file, const std::filesystem::path& target, bool anew,
              const Settings& settings);

}  // namespace tiller::hub
