// Makes text of any origin safe to show on a terminal or in a log.
#pragma once

#include <string>
#include <string_view>

namespace tiller {

/// Valid UTF-8 in which no character moves the cursor, or colours, hides or reorders other text. Control
/// characters (C0 except line feed and tab, DEL, C1) and those that change the direction of writing are
/// escaped as in JSON, "\u001b". Each invalid byte becomes U+FFFD. Strings inside of a JSON text keep their
/// values.
std::string escape_controls(std::string_view text);

/// The same for text that belongs in one line (a name from a file): line feeds and tabs are escaped too.
std::string escape_line(std::string_view text);

}  // namespace tiller
