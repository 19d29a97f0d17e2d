// Downloads one file of a repository.
#pragma once

#include <filesystem>

#include "hub/choose.h"
#include "hub/settings.h"

namespace tiller::hub {

/// Downloads a file to `target`, and makes its folder. Bytes go to a temporary file in the same folder, from
/// which a later call goes on if its SHA-256 is known. Size and SHA-256 are checked and the file is synced
/// before it is renamed to `target`, which therefore is always a whole file. One process downloads at a time;
/// others wait and then use its file. A `target` of the right size is kept unless `anew`. Returns whether
/// this call downloaded. Throws environment (network, disk, permission), missing, bad_input (the bytes are
/// not those that the hub lists; they are removed), interrupted.
bool download(const Name& name, const RemoteFile& file, const std::filesystem::path& target, bool anew,
              const Settings& settings);

}  // namespace tiller::hub
