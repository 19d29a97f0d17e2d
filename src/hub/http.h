// GET over HTTP, as far as a download needs it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tiller::hub {

/// What a server answered: the last of a chain of redirects.
struct HttpResponse {
    int status = 0;  ///< 0 when there was no whole answer: `failure` says why.
    /// By lower-case name. What only an earlier answer of the chain said (the hub's X-Linked-Etag) stands
    /// here as well.
    std::map<std::string, std::string> headers;
    std::string failure;         ///< Empty when the answer came whole; else what broke, for a message.
    bool may_come_back = false;  ///< Is the failure one that another try may not have (cut off, timed out)?
    bool stopped = false;        ///< HttpRequest::stop asked for it.

    /// A header, or "".
    std::string header(const std::string& name) const;
};

struct HttpRequest {
    std::string url;         ///< http or https.
    std::string token = {};  ///< Sent to the url's own host only, whatever it redirects to. Empty: none.
    std::uint64_t from = 0;  ///< The first byte that is wanted; 0 asks for the whole.
    /// Called once before the body of an answer with status 2xx. What it or `body` throws comes out of get().
    std::function<void(const HttpResponse&)> begin = {};
    std::function<void(std::string_view)> body = {};  ///< The body of an answer 2xx, piece by piece.
    std::function<bool()> stop = {};                  ///< Asked about every second; true ends the transfer.
    int stall_seconds = 60;  ///< Without a byte for so long, the transfer counts as cut off.
};

/// Can this build download? False where it was made without libcurl.
bool can_download() noexcept;

/// Follows up to 10 redirects (never from https to http). Proxies are taken from the environment, as libcurl
/// does. Throws environment where can_download() is false.
HttpResponse get(const HttpRequest& request);

/// "scheme://host:port" of a url, in lower case; empty when it is none of http or https.
std::string origin_of(const std::string& url);

/// Percent-encodes what may not stand in a url's path; '/' stays.
std::string encode_path(std::string_view path);

}  // namespace tiller::hub
