// Chooses the files of a repository that a name means.
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

/// What to do with a split model that lacks a part: throw, or leave the model out.
enum class MissingPart { refuse, skip };

/// The paths of all parts of the split model that `path` is a part of, in order; only `path` for other names.
std::vector<std::string> part_paths(const std::string& path);

/// The models among a repository's files, by rising path. Each is one file, or the parts of a split model in
/// order. Left out are vision projectors (mmproj), importance matrices (imatrix) and all files that are not
/// GGUF. `name` is for messages. Throws bad_input when a part is missing (MissingPart::refuse).
std::vector<std::vector<RemoteFile>> models_in(const std::vector<RemoteFile>& files, const Name& name,
                                               MissingPart missing = MissingPart::refuse);

/// The model that `name` means. With a file: that file, or the whole split model that it is a part of. With a
/// quantisation: the first model with it in its path (holds_tag()). With neither: the first Q4_K_M, else
/// Q8_0, else the first. Throws bad_input (no GGUF model, or as models_in()), usage (no such file or
/// quantisation; lists those there are).
std::vector<RemoteFile> choose(const std::vector<RemoteFile>& files, const Name& name,
                               MissingPart missing = MissingPart::refuse);

/// The text in lower case.
std::string lower(std::string text);

/// Does a path contain the quantisation as a word of its own, in upper or lower case? "Q4_K" is not in
/// "m-Q4_K_M.gguf".
bool holds_tag(const std::string& path, const std::string& tag);

}  // namespace tiller::hub
