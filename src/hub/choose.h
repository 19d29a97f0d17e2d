// Which files of a repository are meant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/name.h"

namespace tiller::hub {

/// A file of a repository.
struct RemoteFile {
    std::string path;  ///< Inside the repository: "model-Q4_K_M.gguf", "Q8_0/model-00001-of-00002.gguf".
    std::uint64_t bytes = 0;
    std::string sha256;  ///< Hex; empty where the hub does not say.
};

/// What to do with a split model of which a part is not in the list.
enum class MissingPart { refuse, skip };

/// The paths of all parts of the model that `path` is a part of, in order; `path` alone where it is a whole
/// one.
std::vector<std::string> part_paths(const std::string& path);

/// The models among a repository's files: each is one file, or the parts of one in order. By name. Left out:
/// what is no GGUF file, vision projectors (mmproj) and importance matrices (imatrix).
/// Throws bad_input (MissingPart::refuse).
std::vector<std::vector<RemoteFile>> models_in(const std::vector<RemoteFile>& files, const Name& name,
                                               MissingPart missing = MissingPart::refuse);

/// The model that `name` means: the file that it names (any part of a split model means all of it); else the
/// first whose name holds the quantisation, upper or lower case; else, where it names neither, Q4_K_M, Q8_0
/// or the first. Throws bad_input (no GGUF file), usage (no such file or quantisation, with those there are).
std::vector<RemoteFile> choose(const std::vector<RemoteFile>& files, const Name& name,
                               MissingPart missing = MissingPart::refuse);

/// Does a file's path hold the quantisation as a word of its own? "Q4_K" is not in "m-Q4_K_M.gguf".
bool holds_tag(const std::string& path, const std::string& tag);

}  // namespace tiller::hub
