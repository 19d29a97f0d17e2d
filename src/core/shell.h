// Words as a shell reads them: for commands that are shown to be copied.
#pragma once

#include <string>
#include <string_view>

namespace tiller {

/// The word as it is where it needs no quotes, else in single quotes; with control characters in bash's
/// $'...', which shows them as escapes ("\n", "\x1b").
std::string shell_word(std::string_view text);

}  // namespace tiller
