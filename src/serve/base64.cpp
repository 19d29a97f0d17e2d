#include "serve/base64.h"

#include <openssl/evp.h>

namespace tiller::serve {
namespace {

// OpenSSL counts in int.
constexpr std::size_t kMost = std::size_t{1} << 30;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string base64(std::string_view bytes) {
    std::string out;
    // Pieces of whole triples join without padding between them.
    constexpr std::size_t piece = 3 << 20;
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
        const std::string_view part = bytes.substr(begin, piece);
        const std::size_t at = out.size();
        out.resize(at + (part.size() + 2) / 3 * 4 + 1);
        const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + at), bytes_of(part),
                                      static_cast<int>(part.size()));
        out.resize(at + static_cast<std::size_t>(n));
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0 || text.size() > kMost) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.substr(0, text.size() - padding).find_first_not_of(alphabet) != std::string_view::npos)
        return std::nullopt;
    std::string out(text.size() / 4 * 3 + 1, '\0');
    const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text),
                                  static_cast<int>(text.size()));
    if (n < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(n) - padding);
    return out;
}

}  // namespace tiller::serve
