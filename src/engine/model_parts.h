// The files that a model lies in.
#pragma once

#include <filesystem>
#include <vector>

namespace tiller::engine {

/// All parts of a model in order: one file, or the "-00001-of-0000N" set around it. Throws missing,
/// bad_input.
std::vector<std::filesystem::path> model_parts(const std::filesystem::path& path);

}  // namespace tiller::engine
