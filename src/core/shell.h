// Quotes words for a shell, for commands that users copy.
#pragma once

#include <string>
#include <string_view>

namespace tiller {

/// The text as one word of a shell: unchanged where it needs no quotes, else in single quotes. With control
/// characters in bash's $'...', where they are escapes ("\n", "\x1b").
std::string shell_word(std::string_view text);

}  // namespace tiller
