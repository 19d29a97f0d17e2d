#include "engine/rpc_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ggml-rpc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/system_calls.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

using Clock = std::chrono::steady_clock;

// The greeting, which is the same in all versions of the protocol that know one (ggml-rpc.cpp): a byte for
// the command, 8 for the size of what follows, 24 for what else than TCP the client could use (nothing). The
// answer: 8 bytes of size, three of the version, one unused, 24 as above.
constexpr unsigned char kHello = 14;
constexpr std::uint64_t kCaps = 24, kAnswer = 4 + kCaps;

struct Socket {
    int fd = -1;
    ~Socket() {
        if (fd >= 0) ::close(fd);
    }
};

/// Waits until the socket is ready for `events`; false when the time is over.
bool wait_for(int fd, short events, Clock::time_point end) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) return false;
        pollfd ready{fd, events, 0};
        const int n = ::poll(&ready, 1, static_cast<int>(left));
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return false;
    }
}

std::string connect_to(int fd, const sockaddr_in& where, Clock::time_point end) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return {};
    if (errno != EINPROGRESS) return error_text(errno);
    if (!wait_for(fd, POLLOUT, end)) return "no answer in time";
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? std::string{} : error_text(error);
}

enum class Received { all, closed, late };

Received receive(int fd, unsigned char* bytes, std::size_t size, Clock::time_point end) {
    for (std::size_t done = 0; done < size;) {
        if (!wait_for(fd, POLLIN, end)) return Received::late;
        const ssize_t n = ::recv(fd, bytes + done, size - done, 0);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) return Received::closed;
        if (n > 0) done += static_cast<std::size_t>(n);
    }
    return Received::all;
}

std::string greet(int fd, Clock::time_point end) {
    std::array<unsigned char, 1 + 8 + kCaps> question{};
    question[0] = kHello;
    std::memcpy(&question[1], &kCaps, sizeof kCaps);
    // A few bytes into an empty buffer: never cut.
    if (::send(fd, question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size()))
        return "closed the connection";
    std::array<unsigned char, 8 + kAnswer> answer{};
    // The size first: what is no server of this protocol may say less.
    Received got = receive(fd, answer.data(), 8, end);
    std::uint64_t size = 0;
    std::memcpy(&size, answer.data(), sizeof size);
    if (got == Received::all && size != kAnswer) return "is no ggml-rpc-server that this engine understands";
    if (got == Received::all) got = receive(fd, &answer[8], kAnswer, end);
    if (got == Received::late)
        return "takes connections and does not answer: it is in use by another program (it serves one at a "
               "time), or is no ggml-rpc-server";
    if (got == Received::closed)
        return "closed the connection at the greeting: no ggml-rpc-server listens there, or one of "
               "another "
               "version";
    if (answer[8] != RPC_PROTO_MAJOR_VERSION || answer[9] > RPC_PROTO_MINOR_VERSION)
        return fmt::format(
            "speaks version {}.{} of the protocol, and this engine {}.{}; take the "
            "ggml-rpc-server that was built with this tiller",
            answer[8], answer[9], RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION);
    return {};
}

sockaddr_in address_of(const std::string& text) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    const auto colon = text.rfind(':');
    where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &where.sin_addr);
    return where;
}

}  // namespace

RpcEndpoint resolve(const RpcAddress& address) {
    if (address.host.find(':') != std::string::npos)
        throw Error(
            Code::usage,
            fmt::format("the server {}: the engine's transport speaks IPv4 only; give an IPv4 address, "
                        "or 127.0.0.1 with a tunnel that ends there",
                        address.text()),
            Topic::rpc);
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &list);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, [](addrinfo* l) {
        if (l) ::freeaddrinfo(l);
    });
    if (failed != 0 || !list)
        throw Error(Code::environment,
                    fmt::format("the server {}: its host has no IPv4 address here ({})", address.text(),
                                failed == EAI_SYSTEM ? error_text(errno) : ::gai_strerror(failed)),
                    Topic::rpc);
    RpcEndpoint endpoint{"", true};
    for (const addrinfo* one = list; one; one = one->ai_next) {
        const auto& in = *reinterpret_cast<const sockaddr_in*>(one->ai_addr);
        endpoint.loopback = endpoint.loopback && (ntohl(in.sin_addr.s_addr) >> 24) == 127;
        char text[INET_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        if (endpoint.text.empty()) endpoint.text = fmt::format("{}:{}", text, address.port);
    }
    return endpoint;
}

std::string complaint_of(const RpcEndpoint& endpoint, const RpcPatience& patience) {
    const Socket socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.fd < 0) return "cannot be asked: " + error_text(errno);
    const auto failed = connect_to(socket.fd, address_of(endpoint.text), Clock::now() + patience.connect);
    if (!failed.empty()) return "does not answer (" + failed + ")";
    return greet(socket.fd, Clock::now() + patience.greeting);
}

}  // namespace tiller::engine
