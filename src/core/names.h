// Names of sites, operations and positions as files, flags and reports spell them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tiller/edit.h"

namespace tiller {

/// Inverse of site_name(); empty for any other text (case counts).
std::optional<Site> site_from_name(std::string_view name) noexcept;
/// Inverse of operation_name(); empty for any other text.
std::optional<Operation> operation_from_name(std::string_view name) noexcept;

/// The enumerator's own name: "last_prompt", "last_k", "prompt", "generated", "steered", "all" or "range".
const char* positions_name(Positions::Kind kind) noexcept;
/// Inverse of positions_name(); empty for any other text.
std::optional<Positions::Kind> positions_from_name(std::string_view name) noexcept;

/// A method's name for people: the field's abbreviations in capitals ("FV", "ICV"), longer names as they are.
std::string method_title(std::string_view method);

}  // namespace tiller
