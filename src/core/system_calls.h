// Helpers for code that makes system calls.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tiller {

/// The system's text for an error number (errno): "No space left on device".
std::string error_text(int error);

/// Writes all bytes to a file that is open. Where that fails, errno says why, and a part may be written.
bool write_all(int fd, std::string_view bytes) noexcept;

/// Syncs a folder, so that new and renamed files in it survive a loss of power. Failures are ignored.
void sync_folder(const std::filesystem::path& folder) noexcept;

}  // namespace tiller
