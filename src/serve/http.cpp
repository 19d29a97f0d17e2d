#include "serve/http.h"

#include <fmt/format.h>

#include "serve/http_session.h"
#include "tiller/error.h"

namespace tiller::serve {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

const std::string& Request::header(const std::string& name) const {
    static const std::string none;
    const auto it = headers.find(name);
    return it == headers.end() ? none : it->second;
}

struct HttpServer::Impl {
    HttpShared shared;
    tcp::acceptor acceptor{shared.io};
    asio::steady_timer ticker{shared.io};
    int port = 0;

    void listen(const std::string& host, int wanted) {
        error_code error;
        const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
        if (error)
            throw Error(
                Code::usage,
                fmt::format("the host {} is no address; give one of this machine, such as 127.0.0.1", host));
        const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(wanted));
        const auto check = [&](const char* what) {
            if (error)
                throw Error(Code::environment,
                            fmt::format("{} port {}: {}: {}; choose another port or address", host, wanted,
                                        what, error.message()));
        };
        acceptor.open(endpoint.protocol(), error);
        check("cannot open a socket");
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
        acceptor.bind(endpoint, error);
        check("cannot listen there");
        acceptor.listen(asio::socket_base::max_listen_connections, error);
        check("cannot listen there");
        port = acceptor.local_endpoint().port();
    }

    void accept() {
        acceptor.async_accept([this](error_code error, tcp::socket socket) {
            if (error == asio::error::operation_aborted) return;
            if (!error) {
                if (static_cast<int>(shared.sessions.size()) >= shared.limits.n_connection) {
                    error_code ignored;
                    socket.close(ignored);
                } else {
                    std::make_shared<HttpSession>(std::move(socket), shared)->start();
                }
                return accept();
            }
            // For example out of file descriptors: waits before the next attempt.
            ticker_pause.expires_after(std::chrono::milliseconds(100));
            ticker_pause.async_wait([this](error_code e) {
                if (!e) accept();
            });
        });
    }

    void tick(const std::function<void()>& call) {
        call();
        if (shared.stopped) return;
        ticker.expires_after(std::chrono::milliseconds(100));
        ticker.async_wait([this, &call](error_code e) {
            if (!e) tick(call);
        });
    }

    asio::steady_timer ticker_pause{shared.io};
};

HttpServer::HttpServer(const std::string& host, int port, const HttpLimits& limits, Handler handler)
    : impl_(std::make_unique<Impl>()) {
    impl_->shared.limits = limits;
    impl_->shared.handler = std::move(handler);
    impl_->listen(host, port);
    impl_->accept();
}

HttpServer::~HttpServer() = default;

int HttpServer::port() const noexcept { return impl_->port; }

void HttpServer::run(const std::function<void()>& tick) {
    Impl& m = *impl_;
    m.tick(tick);
    m.shared.io.run();
}

int HttpServer::n_open() const noexcept {
    int n = 0;
    for (const HttpSession* session : impl_->shared.sessions) n += session->replying();
    return n;
}

void HttpServer::stop() {
    asio::post(impl_->shared.io, [m = impl_.get()] {
        m->shared.stopped = true;
        const std::set<HttpSession*> sessions = m->shared.sessions;
        for (HttpSession* session : sessions) session->close();
        m->ticker.cancel();
        m->ticker_pause.cancel();
        error_code ignored;
        m->acceptor.close(ignored);
        m->shared.io.stop();
    });
}

}  // namespace tiller::serve
