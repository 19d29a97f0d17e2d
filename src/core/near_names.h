// Which known names come near to one that is not known: "did you mean ...?".
#pragma once

#include <span>
#include <string>
#include <vector>

namespace tiller {

/// At most five of `known`, each once, nearest first: a few edits away (a third of the name's length, at
/// least 2, but not all of it; case does not count), or one holding the other. Empty for names of more than
/// 200 bytes.
std::vector<std::string> near_names(const std::string& name, std::span<const std::string> known);

}  // namespace tiller
