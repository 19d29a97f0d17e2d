// The bytes of a vector file (docs/formats.md, "Vector file"), and the rules that every steering vector
// keeps.
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

/// The bytes of a GGUF file. Equal vectors give equal bytes. Throws bad_input as check_vector() does, for a
/// vector that is_zero() unless it is a raw extraction, and for a file that would be too large to read.
std::string vector_to_bytes(const SteeringVector& vector, const Checked& checked);

/// Reads a file's bytes, which are not trusted: GGUF, or arrays of layer_arrays.h. Throws only bad_input and
/// std::bad_alloc.
SteeringVector vector_from_bytes(std::string_view bytes, const Checked& checked);

/// Does a text of a file's metadata say that its directions are projected out of activations instead of added
/// ("project", "projection", "ablation", "orthogonalise", ...)? Looks at the first 4096 bytes, in any case.
bool names_projection(std::string_view text);

/// Method options as one JSON object of strings, by rising key, and back. Reading throws bad_input for
/// anything but a flat object of strings without repeated keys.
std::string settings_to_json(const std::map<std::string, std::string>& settings);
std::map<std::string, std::string> settings_from_json(const std::string& json, const Checked& checked);

}  // namespace tiller
