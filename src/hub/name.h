// Names of models on a hub: "hf:user/repo", and optionally a quantisation or a file.
#pragma once

#include <string>

namespace tiller::hub {

/// What "hf:user/repo:Q4_K_M" or "hf:user/repo/folder/file.gguf" says.
struct Name {
    std::string repo;  ///< "user/repo"
    std::string tag;   ///< The quantisation, "Q4_K_M"; empty when the name has none, or a file.
    std::string file;  ///< Path of a file inside the repository; empty when the name has none.

    /// As users write it: "hf:user/repo:Q4_K_M".
    std::string text() const;
};

/// Does the text begin with "hf:"?
bool is_name(const std::string& text) noexcept;

/// Reads a name. Throws usage, saying what is wrong: no user or repository, characters that the hub does not
/// allow, or a path that is_safe_path() refuses.
Name parse_name(const std::string& text);

/// Is it safe to use this path from the hub below a folder of tiller's? Not when it is empty, absolute or
/// longer than 1024 bytes, or has empty parts, parts that begin with a dot (".." among them), backslashes or
/// control characters.
bool is_safe_path(const std::string& path) noexcept;

}  // namespace tiller::hub
