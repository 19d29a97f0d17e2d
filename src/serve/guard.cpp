#include "serve/guard.h"

#include <openssl/crypto.h>

#include "core/util.h"
#include "serve/problem.h"

namespace tiller::serve {

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || host == "0:0:0:0:0:0:0:1" || host == "127.0.0.1" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

void check_source(const Request& request, bool loopback) {
    if (request.host_twice) throw Problem(400, "invalid_value", "the header Host stands twice");
    const std::string& host = request.header("host");
    if (host.empty() && !request.is_1_0) throw Problem(400, "invalid_value", "the header Host is missing");
    if (loopback && !host.empty() && !is_loopback(host_of(host)))
        throw Problem(403, "forbidden_host",
                      "the header Host does not name this machine; ask at 127.0.0.1 or localhost");
    const std::string& origin = request.header("origin");
    if (origin.empty()) return;
    const auto scheme = origin.find("://");
    if (scheme == std::string::npos || origin.substr(scheme + 3) != host)
        throw Problem(403, "forbidden_origin", "requests of other web pages are refused");
}

void check_key(const Request& request, const std::vector<std::string>& keys) {
    if (keys.empty()) return;
    constexpr std::string_view bearer = "Bearer ";
    std::string given = request.header("authorization");
    given = given.starts_with(bearer) ? given.substr(bearer.size()) : request.header("x-api-key");
    // Digests have one length, and comparing them tells nothing of where two keys differ.
    const std::string digest = sha256(given);
    bool known = false;
    for (const std::string& key : keys) {
        const std::string other = sha256(key);
        known |= CRYPTO_memcmp(digest.data(), other.data(), digest.size()) == 0;
    }
    if (!known)
        throw Problem(401, "invalid_api_key",
                      given.empty() ? "this server needs a key: send Authorization: Bearer KEY"
                                    : "this key is not one of the server's");
}

}  // namespace tiller::serve
