// Which known names are similar to an unknown one: "did you mean ...?".
#pragma once

#include <span>
#include <string>
#include <vector>

namespace tiller {

/// At most five of `known`, each once, by rising edit distance (in bytes, whatever the case). Similar are
/// names within a third of the length of `name` (at least 2 edits, but fewer than either name has bytes), and
/// names of which one contains the other (both of at least 3 bytes). Empty when `name` has more than 200
/// bytes.
std::vector<std::string> near_names(const std::string& name, std::span<const std::string> known);

}  // namespace tiller
