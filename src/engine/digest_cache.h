// SHA-256 of model files, remembered by path, size and time of change: hashing gigabytes at every start
// would cost seconds.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tiller::engine {

/// SHA-256 hex over the files' bytes in order (one file: the file's own digest). Remembered in
/// `cache_dir`/digests, or nowhere when that is empty; an entry that cannot be written is not an error.
/// Throws missing, environment.
std::string cached_digest(const std::vector<std::filesystem::path>& files,
                          const std::filesystem::path& cache_dir);

}  // namespace tiller::engine
