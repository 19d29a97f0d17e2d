// Text of any origin made fit for a terminal or a log.
#pragma once

#include <string>
#include <string_view>

namespace tiller {

/// Valid UTF-8 in which no character moves a cursor, colours, hides or reorders what stands around it:
/// control characters (C0 but line feed and tab, DEL, C1) and those that change the direction of writing are
/// shown as JSON does, "\u001b"; each invalid byte is U+FFFD. Inside of JSON's strings the value stays the
/// same.
std::string escape_controls(std::string_view text);

/// The same for what belongs in one line (a name from a file): line feeds and tabs are shown too.
std::string escape_line(std::string_view text);

}  // namespace tiller
