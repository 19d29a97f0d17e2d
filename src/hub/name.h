// Names of models on a hub: "hf:user/repo", with a quantisation or a file behind it.
#pragma once

#include <string>

namespace tiller::hub {

/// What "hf:user/repo:Q4_K_M" or "hf:user/repo/folder/file.gguf" says.
struct Name {
    std::string repo;  ///< "user/repo"
    std::string tag;   ///< "Q4_K_M"; empty where none or a file is named.
    std::string file;  ///< Path of a file inside the repository; empty where none is named.

    /// As one types it: "hf:user/repo:Q4_K_M".
    std::string text() const;
};

/// Begins with "hf:".
bool is_name(const std::string& text) noexcept;

/// Reads a name. Throws usage, saying what is wrong with it: no user or repository, characters that no
/// repository has, a path that leaves the repository.
Name parse_name(const std::string& text);

/// May this be the path of a file below a folder of ours? Not where it is absolute, leads upwards, or holds
/// empty parts, hidden names, backslashes or control characters.
bool is_safe_path(const std::string& path) noexcept;

}  // namespace tiller::hub
