// One connection of an HttpServer. Only the files http*.cpp see Boost.
#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "serve/http.h"

namespace tiller::serve {

/// Bytes that are read at once, and kept of the next request while one is answered.
inline constexpr std::size_t kReadBytes = 16 << 10;

class HttpSession;

/// What all connections share. The network's thread only.
struct HttpShared {
    HttpLimits limits;
    Handler handler;
    std::set<HttpSession*> sessions;
    bool stopped = false;
    // Last, so that it is destroyed first: pending handlers hold sessions, which remove themselves from the
    // set above.
    boost::asio::io_context io{1};
};

/// Lives as long as an operation on it is pending.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
public:
    HttpSession(boost::asio::ip::tcp::socket socket, HttpShared& shared);
    ~HttpSession();
    void start() { next_request(); }
    void close();
    bool replying() const { return replying_; }

    // For the reply, in the network's thread. `number` is the request's: a late call for an earlier one is
    // ignored.
    void send(std::uint64_t number, int status, const char* type, const std::string& body,
              const Headers& headers);
    void begin_events(std::uint64_t number);
    void event(std::uint64_t number, std::string_view data);
    void end(std::uint64_t number);

private:
    void next_request();
    void on_header(boost::system::error_code error);
    void on_body(boost::system::error_code error);
    void refuse(int status, const char* code, const char* message);
    void hand_over();
    void watch();
    void on_watched(boost::system::error_code error, std::size_t n);
    void write(std::string bytes);
    void write_next();
    void replied();
    void linger();
    void ping_later();
    std::string head(int status, const char* type, const Headers& headers,
                     std::optional<std::size_t> length) const;

    HttpShared* shared_;
    boost::beast::tcp_stream stream_;
    boost::asio::steady_timer write_timer_, ping_timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    std::deque<std::string> unsent_;
    std::size_t n_unsent_ = 0;
    std::uint64_t number_ = 0;  ///< Of the request that is being answered.
    std::shared_ptr<std::atomic<bool>> gone_;
    bool replying_ = false, ended_ = false, writing_ = false, watching_ = false, closed_ = false;
    bool lingering_ = false, resume_ = false;
    bool keep_alive_ = true, streaming_ = false, chunked_ = true, without_body_ = false, said_ = false;
};

}  // namespace tiller::serve
