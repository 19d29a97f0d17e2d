// The vector file in memory (docs/formats.md, "Vector file"), and the rules that every steering vector keeps.
#pragma once

#include <string>
#include <string_view>

#include "tiller/vector.h"
#include "vectors/reject.h"

namespace tiller {

inline constexpr std::uint32_t vector_format_version = 1;
/// Largest layer index of a direction. The engine's own limit is 512 layers.
inline constexpr int max_layer = 4096;

/// Throws bad_input when `vector` breaks a rule: no method or no direction, a site or positions that a
/// steering vector cannot have, values that are not finite, shapes that differ. What passes can be written
/// and read back.
void check_vector(const SteeringVector& vector, const Checked& checked);

/// Is every number of its directions 0? Adding or turning towards it then does nothing at any strength.
bool is_zero(const SteeringVector& vector) noexcept;

/// The file's bytes. Equal vectors give equal bytes. Throws bad_input as check_vector does, and for a vector
/// to apply that is_zero().
std::string vector_to_bytes(const SteeringVector& vector, const Checked& checked);

/// Reads a file's bytes, which are not trusted. Throws bad_input; nothing else but std::bad_alloc.
SteeringVector vector_from_bytes(std::string_view bytes, const Checked& checked);

/// Does a word of a file's metadata say that its directions are projected out of activations instead of added
/// ("project", "projection", "ablation", "orthogonalise", ...)?
bool names_projection(std::string_view text);

/// Method options as one JSON object of strings, keys in order, and back. The reader wants exactly that form.
std::string settings_to_json(const std::map<std::string, std::string>& settings);
std::map<std::string, std::string> settings_from_json(const std::string& json, const Checked& checked);

}  // namespace tiller
