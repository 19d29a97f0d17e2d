// A check of TOML texts before they are parsed. The parser calls itself for every level of nesting and every
// part of a dotted key, and so do functions that walk the result: deep nesting would exhaust the stack.
#pragma once

#include <string>
#include <string_view>

namespace tiller::study {

/// Refuses keys with more than `max_depth` dotted parts, and values nested in more than `max_depth` brackets.
/// Strings and comments are skipped. Throws bad_input with `name` (the file) and the line.
void check_toml_depth(std::string_view toml, const std::string& name, int max_depth = 32);

}  // namespace tiller::study
