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

}  // namespace tiller
