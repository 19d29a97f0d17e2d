#include "serve/http_session.h"

#include <fmt/format.h>

#include "core/text.h"
#include "serve/problem.h"

namespace tiller::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char low = lower_ascii(c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// "a%20b+c" as "a b c"; what is no escape stays.
std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

void split_target(std::string_view target, Request& request) {
    const auto mark = target.find('?');
    request.path = std::string(target.substr(0, mark));
    if (mark == std::string_view::npos) return;
    std::string_view rest = target.substr(mark + 1);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        request.query[decoded(pair.substr(0, equals))] =
            equals < pair.size() ? decoded(pair.substr(equals + 1)) : "";
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

const char* reason_of(int status) {
    const auto text = http::obsolete_reason(static_cast<http::status>(status));
    return text.data();  // a literal of the library's
}

class HttpReply final : public Reply {
public:
    HttpReply(HttpShared& shared, std::shared_ptr<HttpSession> session, std::uint64_t number,
              std::shared_ptr<std::atomic<bool>> gone)
        : shared_(&shared), session_(session), number_(number), gone_(std::move(gone)) {}

    void send(int status, const char* type, std::string body, Headers headers) override {
        post([=, n = number_, body = std::move(body)](HttpSession& s) {
            s.send(n, status, type, body, headers);
        });
    }
    void begin_events() override {
        post([n = number_](HttpSession& s) { s.begin_events(n); });
    }
    void event(std::string_view data) override {
        post([n = number_, text = std::string(data)](HttpSession& s) { s.event(n, text); });
    }
    void end() override {
        post([n = number_](HttpSession& s) { s.end(n); });
    }
    const std::shared_ptr<std::atomic<bool>>& gone() const override { return gone_; }

private:
    template <class Work>
    void post(Work work) {
        asio::post(shared_->io, [weak = session_, work = std::move(work)]() mutable {
            if (const auto session = weak.lock()) work(*session);
        });
    }

    HttpShared* shared_;
    std::weak_ptr<HttpSession> session_;
    std::uint64_t number_;
    std::shared_ptr<std::atomic<bool>> gone_;
};

}  // namespace

HttpSession::HttpSession(tcp::socket socket, HttpShared& shared)
    : shared_(&shared),
      stream_(std::move(socket)),
      write_timer_(shared.io),
      ping_timer_(shared.io),
      buffer_(shared.limits.header_bytes + kReadBytes) {
    shared_->sessions.insert(this);
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
}

HttpSession::~HttpSession() {
    if (gone_) *gone_ = true;
    shared_->sessions.erase(this);
}

void HttpSession::close() {
    if (std::exchange(closed_, true)) return;
    if (gone_) *gone_ = true;
    write_timer_.cancel();
    ping_timer_.cancel();
    stream_.close();
}

void HttpSession::next_request() {
    if (closed_) return;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->limits.header_bytes));
    parser_->body_limit(shared_->limits.body_bytes);
    stream_.expires_after(std::chrono::seconds(shared_->limits.arrive_seconds));
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code e, std::size_t) { self->on_header(e); });
}

void HttpSession::on_header(error_code error) {
    if (closed_) return;
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return refuse(431, "too_large", "the headers are larger than this server reads");
    if (error == http::error::body_limit)
        return refuse(413, "too_large", "the body is larger than this server reads");
    if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::eof ||
        error == asio::error::connection_reset || error == asio::error::operation_aborted ||
        error == http::error::partial_message)
        return close();
    if (error) return refuse(400, "invalid_value", "this is no HTTP request");
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(go_on),
                          [self = shared_from_this()](error_code e, std::size_t) {
                              if (e) return self->close();
                              http::async_read(self->stream_, self->buffer_, *self->parser_,
                                               [self](error_code read, std::size_t) { self->on_body(read); });
                          });
        return;
    }
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code e, std::size_t) { self->on_body(e); });
}

void HttpSession::on_body(error_code error) {
    if (closed_) return;
    if (error == http::error::body_limit)
        return refuse(413, "too_large", "the body is larger than this server reads");
    if (error && (error.category() == asio::error::get_system_category() || error == asio::error::eof ||
                  error == http::error::partial_message || error == beast::error::timeout))
        return close();
    if (error) return refuse(400, "invalid_value", "the body of this HTTP request has no valid encoding");
    hand_over();
}

// Answers a malformed or incomplete request and closes the connection, because the next request's start is
// unknown.
void HttpSession::refuse(int status, const char* code, const char* message) {
    ++number_;
    replying_ = true;
    ended_ = streaming_ = without_body_ = keep_alive_ = false;
    stream_.expires_never();
    send(number_, status, "application/json", error_body({status, code, message}), {});
}

void HttpSession::hand_over() {
    const auto& message = parser_->get();
    Request request;
    request.method = std::string(message.method_string());
    without_body_ = request.method == "HEAD";
    if (without_body_) request.method = "GET";
    split_target({message.target().data(), message.target().size()}, request);
    for (const auto& field : message) {
        std::string name;
        for (char c : field.name_string()) name += lower_ascii(c);
        if (name == "host" && request.headers.contains(name)) request.host_twice = true;
        request.headers[name] = std::string(field.value());
    }
    request.is_1_0 = message.version() == 10;
    keep_alive_ = message.keep_alive();
    chunked_ = message.version() >= 11;
    request.body = std::move(parser_->get().body());
    parser_.reset();
    ++number_;
    replying_ = true;
    ended_ = streaming_ = false;
    gone_ = std::make_shared<std::atomic<bool>>(false);
    stream_.expires_never();
    watch();
    try {
        shared_->handler(std::move(request),
                         std::make_shared<HttpReply>(*shared_, shared_from_this(), number_, gone_));
    } catch (...) {
        close();
    }
}

// Keeps reading while the reply is computed: the end of the stream means that the client is gone; bytes
// belong to the next request and are kept.
void HttpSession::watch() {
    if (watching_ || closed_ || buffer_.size() >= kReadBytes) return;
    watching_ = true;
    stream_.async_read_some(
        buffer_.prepare(kReadBytes - buffer_.size()),
        [self = shared_from_this()](error_code e, std::size_t n) { self->on_watched(e, n); });
}

void HttpSession::on_watched(error_code error, std::size_t n) {
    watching_ = false;
    buffer_.commit(n);
    if (std::exchange(resume_, false) && (!error || error == asio::error::operation_aborted))
        return next_request();
    if (error) return close();
    if (lingering_) buffer_.consume(buffer_.size());
    if (replying_ || lingering_)
        watch();
    else
        next_request();
}

std::string HttpSession::head(int status, const char* type, const Headers& headers,
                              std::optional<std::size_t> length) const {
    std::string out = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nX-Content-Type-Options: nosniff\r\n",
                                  status, reason_of(status), type);
    for (const auto& [name, value] : headers) out += fmt::format("{}: {}\r\n", name, value);
    if (length)
        out += fmt::format("Content-Length: {}\r\n", *length);
    else if (chunked_)
        out += "Transfer-Encoding: chunked\r\n";
    out +=
        keep_alive_ && (length || chunked_) ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return out;
}

void HttpSession::send(std::uint64_t number, int status, const char* type, const std::string& body,
                       const Headers& headers) {
    if (closed_ || number != number_ || !replying_ || ended_ || streaming_) return;
    std::string bytes = head(status, type, headers, body.size());
    if (!without_body_) bytes += body;
    ended_ = true;
    write(std::move(bytes));
}

void HttpSession::begin_events(std::uint64_t number) {
    if (closed_ || number != number_ || !replying_ || ended_ || streaming_) return;
    streaming_ = true;
    write(head(200, "text/event-stream; charset=utf-8",
               {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}, std::nullopt));
    ping_later();
}

void HttpSession::event(std::uint64_t number, std::string_view data) {
    if (closed_ || number != number_ || !streaming_ || ended_) return;
    const std::string text = fmt::format("data: {}\n\n", data);
    said_ = true;
    write(chunked_ ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : text);
}

void HttpSession::end(std::uint64_t number) {
    if (closed_ || number != number_ || !streaming_ || ended_) return;
    ended_ = true;
    ping_timer_.cancel();
    if (!chunked_) keep_alive_ = false;
    write(chunked_ ? "0\r\n\r\n" : "");
}

void HttpSession::ping_later() {
    said_ = false;
    ping_timer_.expires_after(std::chrono::seconds(shared_->limits.ping_seconds));
    ping_timer_.async_wait([self = shared_from_this()](error_code e) {
        if (e || self->closed_ || self->ended_ || !self->streaming_) return;
        static constexpr std::string_view ping = ": ping\n\n";
        if (!self->said_ && self->unsent_.empty())
            self->write(self->chunked_ ? fmt::format("{:x}\r\n{}\r\n", ping.size(), ping)
                                       : std::string(ping));
        self->ping_later();
    });
}

void HttpSession::write(std::string bytes) {
    n_unsent_ += bytes.size();
    // Events are appended to what waits to be sent: a slow client gets many tokens in one write.
    if (writing_ && unsent_.size() > 1 && unsent_.back().size() < kReadBytes)
        unsent_.back() += bytes;
    else
        unsent_.push_back(std::move(bytes));
    if (streaming_ && n_unsent_ > shared_->limits.unsent_bytes) return close();
    if (!writing_) write_next();
}

void HttpSession::write_next() {
    if (closed_) return;
    if (unsent_.empty()) {
        if (ended_) replied();
        return;
    }
    writing_ = true;
    write_timer_.expires_after(std::chrono::seconds(shared_->limits.write_seconds));
    write_timer_.async_wait([self = shared_from_this()](error_code e) {
        if (!e && self->writing_) self->close();
    });
    // Writes to the socket directly: a timeout of the stream would also end the pending read.
    asio::async_write(stream_.socket(), asio::buffer(unsent_.front()),
                      [self = shared_from_this()](error_code e, std::size_t) {
                          self->writing_ = false;
                          self->write_timer_.cancel();
                          if (e) return self->close();
                          self->n_unsent_ -= self->unsent_.front().size();
                          self->unsent_.pop_front();
                          self->write_next();
                      });
}

void HttpSession::replied() {
    replying_ = false;
    gone_.reset();
    if (!keep_alive_) return linger();
    if (buffer_.size() > 0) {
        // The next request came with the last one, or while it was answered.
        if (!watching_) return next_request();
        resume_ = true;
        error_code ignored;
        stream_.socket().cancel(ignored);
        return;
    }
    watch();
    // The pending read has no timeout, so this timer closes an idle connection.
    write_timer_.expires_after(std::chrono::seconds(shared_->limits.idle_seconds));
    write_timer_.async_wait([self = shared_from_this(), n = number_](error_code e) {
        if (!e && !self->replying_ && self->number_ == n && self->watching_) self->close();
    });
}

// Closing at once could discard the reply while the client still sends. So this shuts down sending, and reads
// for a moment.
void HttpSession::linger() {
    lingering_ = true;
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    write_timer_.expires_after(std::chrono::seconds(2));
    write_timer_.async_wait([self = shared_from_this()](error_code e) {
        if (!e) self->close();
    });
    if (watching_) return;
    auto sink = std::make_shared<std::array<char, kReadBytes>>();
    auto read = std::make_shared<std::function<void(std::size_t)>>();
    *read = [self = shared_from_this(), sink, weak = std::weak_ptr(read)](std::size_t left) {
        const auto again = weak.lock();
        if (!again) return;
        self->stream_.socket().async_read_some(asio::buffer(*sink),
                                               [self, sink, again, left](error_code e, std::size_t n) {
                                                   if (e || n > left) return self->close();
                                                   (*again)(left - n);
                                               });
    };
    (*read)(std::size_t{64} << 20);
}

}  // namespace tiller::serve
