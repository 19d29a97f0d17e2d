// Digests of model files, remembered by path, size and time of change: hashing gigabytes at every start would
// cost seconds.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tiller::engine {

/// SHA-256 hex over the files' bytes in order (one file: the file's own digest). Remembered in
/// `cache_dir`/digests, or nowhere when that is empty; an entry that cannot be written is not an error.
/// Throws missing, environment.
std::string cached_digest(const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& cache_dir);

/// Another digest of the same files, remembered in the same way under the name `what`; `make` is called where
/// it is not known yet.
std::string cached_digest(const std::string& what, const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& cache_dir, const std::function<std::string()>& make);

}  // namespace tiller::engine
