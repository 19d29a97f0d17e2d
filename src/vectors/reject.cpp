#include "vectors/reject.h"

#include <fmt/format.h>

#include "tiller/error.h"

namespace tiller {

void reject(const Checked& checked, std::string_view thing, std::string_view found,
            std::string_view expected) {
    throw Error(Code::bad_input, fmt::format("{}: {} is {}, expected {}. {}", checked.subject, thing, found,
                                             expected, checked.next_step));
}

std::string printable(std::string_view text) {
    constexpr std::size_t limit = 80;
    std::string out = "'";
    for (const char c : text.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte > 0x7e)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out + (text.size() > limit ? "...'" : "'");
}

std::string layers_text(std::span<const int> layers) {
    if (layers.size() == 1) return fmt::format("{}", layers[0]);
    if (layers.size() == 2) return fmt::format("{} and {}", layers[0], layers[1]);
    const bool gaps = layers.back() - layers.front() + 1 != static_cast<int>(layers.size());
    return fmt::format("{} to {}{}", layers.front(), layers.back(),
                       gaps ? fmt::format(" ({} of them)", layers.size()) : "");
}

}  // namespace tiller
