// HTTP/1.1 on one thread: requests in, replies and events out. Knows nothing of models. Only the files
// http*.cpp see Boost.
//
// A connection is read at all times, also while its reply is computed, so that a client that goes away is
// noticed at once (Reply::gone()). Text from a client never becomes a header.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tiller::serve {

struct HttpLimits {
    std::size_t body_bytes = std::size_t{32} << 20;
    std::size_t header_bytes = std::size_t{64} << 10;
    int n_connection = 512;
    int arrive_seconds = 30;  ///< For a complete request.
    int idle_seconds = 75;    ///< Between two requests of a connection.
    int write_seconds = 30;   ///< For a client to take what was sent.
    int ping_seconds = 10;    ///< Between comments in an idle stream.
    /// Bytes that wait for a client that does not read; more, and the connection is closed.
    std::size_t unsent_bytes = std::size_t{64} << 20;
};

/// One request. Names of headers are lower-case.
struct Request {
    std::string method;                          ///< "GET", "POST", ...; HEAD comes as GET.
    std::string path;                            ///< Without the query, as it was sent: no %XX is decoded.
    std::map<std::string, std::string> query;    ///< Decoded.
    std::map<std::string, std::string> headers;  ///< The last one where a name occurs twice.
    bool host_twice = false;
    bool is_1_0 = false;  ///< HTTP/1.0, which needs no Host.
    std::string body;

    /// The header's value, empty where it is absent.
    const std::string& header(const std::string& name) const;
};

using Headers = std::vector<std::pair<const char*, const char*>>;

/// The way back to one client. Every function may be called from any thread, and does nothing when the client
/// is gone. Exactly one of send() and begin_events() is called, once.
class Reply {
public:
    virtual ~Reply() = default;
    /// The complete reply. `content_type` and `headers` must not come from clients.
    virtual void send(int status, const char* content_type, std::string body, Headers headers = {}) = 0;
    /// 200 and a stream of server-sent events, which end() closes. The connection stays open for the next
    /// request.
    virtual void begin_events() = 0;
    /// One event; `data` has no line break.
    virtual void event(std::string_view data) = 0;
    virtual void end() = 0;
    /// Becomes true when the client has gone away; never false again.
    virtual const std::shared_ptr<std::atomic<bool>>& gone() const = 0;
};

/// Called in the network's thread for each request; must not wait. What it throws ends the connection.
using Handler = std::function<void(Request, std::shared_ptr<Reply>)>;

/// A listening socket and its connections.
class HttpServer {
public:
    /// Listens on `host` (an address or "localhost") and `port` (0 = any that is free). Throws environment
    /// (address in use, not ours), usage (no address).
    HttpServer(const std::string& host, int port, const HttpLimits& limits, Handler handler);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    int port() const noexcept;
    /// Serves in this thread until stop() and calls `tick` about ten times a second.
    void run(const std::function<void()>& tick);
    /// Requests whose replies have not been sent completely. Only from the network's thread.
    int n_open() const noexcept;
    /// run() returns soon; connections are closed. From any thread.
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tiller::serve
