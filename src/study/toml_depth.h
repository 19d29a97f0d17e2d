// What the TOML parser must not be given: it calls itself for every part of a dotted key, and so does whoever
// walks over what it read.
#pragma once

#include <string>
#include <string_view>

namespace tiller::study {

/// Refuses keys of more than `max_depth` dotted parts and values nested deeper than that, before the parser
/// sees them. Texts and comments are skipped. Throws bad_input with `name` and the line.
void check_toml_depth(std::string_view toml, const std::string& name, int max_depth = 32);

}  // namespace tiller::study
