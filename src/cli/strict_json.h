// JSON from files, parsed with bounds.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace tiller::cli {

/// The value in `bytes`. Throws bad_input, naming `path`: no JSON, nested deeper than eight levels, a key
/// twice in one object (a tree would keep the last one silently).
nlohmann::json parse_strict(const std::filesystem::path& path, std::string_view bytes);

}  // namespace tiller::cli
