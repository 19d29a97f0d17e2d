#include "core/shell.h"

#include <fmt/format.h>

#include <algorithm>

namespace tiller {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// One character inside of $'...'. A NUL cannot be written: bash and zsh end the word there. tiller's texts
// have none.
std::string escaped(char c) {
    if (c == '\n') return "\\n";
    if (c == '\t') return "\\t";
    if (c == '\\' || c == '\'') return {'\\', c};
    return is_control(c) ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
}

}  // namespace

std::string shell_word(std::string_view text) {
    constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:,=@%";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
    std::string quoted;
    if (std::any_of(text.begin(), text.end(), is_control)) {
        for (const char c : text) quoted += escaped(c);
        return "$'" + quoted + "'";
    }
    for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return "'" + quoted + "'";
}

}  // namespace tiller
