// A listener on loopback that does with each connection what a test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace tiller::test {

class FakeServer {
public:
    /// `answer` is called in a thread of its own with the first connection, which is closed afterwards.
    explicit FakeServer(std::function<void(int fd)> answer) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(fd_, 4) != 0 ||
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&where), &size) != 0)
            throw std::runtime_error("no listener on loopback");
        port_ = ntohs(where.sin_port);
        thread_ = std::thread([this, answer = std::move(answer)] {
            const int connection = ::accept(fd_, nullptr, nullptr);
            if (connection < 0) return;
            answer(connection);
            ::close(connection);
        });
    }
    ~FakeServer() {
        ::shutdown(fd_, SHUT_RDWR);  // ends accept()
        thread_.join();
        ::close(fd_);
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    int fd_;
    int port_ = 0;
    std::thread thread_;
};

/// A port of loopback on which nobody listens.
inline int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
        throw std::runtime_error("no port on loopback");
    ::close(fd);
    return ntohs(where.sin_port);
}

}  // namespace tiller::test
