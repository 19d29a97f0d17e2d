// Errors of src/vectors: a vector or its file is not as it must be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tiller {

/// What is being checked, and what the user can do when it is wrong.
struct Checked {
    std::string subject;    ///< A file's path, or "steering vector 'fv'".
    std::string next_step;  ///< A sentence.
};

/// Throws Error(bad_input): "<subject>: <thing> is <found>, expected <expected>. <next_step>"
[[noreturn]] void reject(const Checked& checked, std::string_view thing, std::string_view found,
                         std::string_view expected);

/// Text of unknown origin for a message: in single quotes, at most 80 bytes of it (then "..."), only
/// printable ASCII (other bytes as \xNN). So a file cannot send control sequences to the terminal.
std::string printable(std::string_view text);

/// "18", "18 and 19", "1 to 17", "1 to 17 (9 of them)". At least one, in rising order.
std::string layers_text(std::span<const int> layers);

}  // namespace tiller
