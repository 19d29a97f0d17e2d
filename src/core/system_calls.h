// What callers of the system need beside it.
#pragma once

#include <filesystem>
#include <string>

namespace tiller {

/// What the system says of an error number ("No space left on device").
std::string error_text(int error);

/// Makes names of files in the folder last through a loss of power, where the file system can.
void sync_folder(const std::filesystem::path& folder) noexcept;

}  // namespace tiller
