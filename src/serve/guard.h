// Who may ask: the header Host, other web pages, keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"

namespace tiller::serve {

/// Is this an address of this machine's own loopback, or its name: "127.0.0.1", "::1", "localhost"?
bool is_loopback(std::string_view host);

/// "127.0.0.1:8080" without the port; "[::1]:8080" as "::1".
std::string_view host_of(std::string_view authority);

/// Throws Problem 400, 403. On a loopback address Host must name one, so that no web page can reach the
/// server through a host name that resolves to this machine; a request that names the page it comes from
/// (Origin) must
/// come from this server's page.
void check_source(const Request& request, bool loopback);

/// Throws Problem 401 unless one of `keys` comes with the request, or there are none. Takes the same time for
/// every key.
void check_key(const Request& request, const std::vector<std::string>& keys);

}  // namespace tiller::serve
