// HTTP GET requests, as far as downloads need them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tiller::hub {

/// A server's answer: the last one of a chain of redirects.
struct HttpResponse {
    int status = 0;  ///< HTTP status; 0 when no answer began: `failure` says why.
    /// By lower-case name. Headers of redirects are kept where the last answer lacks them (the hub's
    /// X-Linked-Etag).
    std::map<std::string, std::string> headers;
    std::string failure;         ///< Empty when the answer is complete; else what failed, for a message.
    bool may_come_back = false;  ///< May another try succeed (cut off, timed out)?
    bool stopped = false;        ///< HttpRequest::stop ended the transfer.

    /// The header of that lower-case name, or "".
    std::string header(const std::string& name) const;
};

struct HttpRequest {
    std::string url;         ///< http or https.
    std::string token = {};  ///< Sent only to the origin of `url`, whatever it redirects to. Empty: none.
    std::uint64_t from = 0;  ///< The first byte wanted (a range request); 0 asks for the whole.
    /// Called once before the body of an answer with status 2xx. get() throws what it or `body` throws.
    std::function<void(const HttpResponse&)> begin = {};
    std::function<void(std::string_view)> body = {};  ///< Gets the body of a 2xx answer, piece by piece.
    std::function<bool()> stop = {};                  ///< Called about every second; true ends the transfer.
    int stall_seconds = 60;  ///< A transfer without a byte for so long counts as cut off.
};

/// Can this build download? False when it was built without libcurl.
bool can_download() noexcept;

/// Makes the request and follows up to 10 redirects (never from https to http). Proxies come from the
/// environment, as in libcurl. Network failures are in HttpResponse::failure. Throws environment when libcurl
/// cannot be used or can_download() is false.
HttpResponse get(const HttpRequest& request);

/// "scheme://host:port" of a url, in lower case, always with a port; empty when it is neither http nor https.
std::string origin_of(const std::string& url);

/// Percent-encodes all bytes but unreserved characters and '/', for the path of a url.
std::string encode_path(std::string_view path);

}  // namespace tiller::hub
