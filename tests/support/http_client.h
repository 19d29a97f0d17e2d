// A plain HTTP client for the tests of the server: one connection, bytes in and out, nothing hidden.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tiller::test {

/// How much longer to wait in programs whose every access to memory is checked.
#ifdef __SANITIZE_THREAD__
inline constexpr int kSlowness = 10;
#else
inline constexpr int kSlowness = 1;
#endif

struct HttpAnswer {
    int status = 0;                              ///< 0: the connection ended without one.
    std::map<std::string, std::string> headers;  ///< Names in lower case.
    std::string body;                            ///< Chunks joined.

    nlohmann::json json() const { return nlohmann::json::parse(body); }
    /// Data of server-sent events, comments left out.
    std::vector<std::string> events() const {
        std::vector<std::string> found;
        for (std::size_t begin = 0; begin < body.size();) {
            const std::size_t end = std::min(body.find("\n\n", begin), body.size());
            const std::string part = body.substr(begin, end - begin);
            if (part.starts_with("data: ")) found.push_back(part.substr(6));
            begin = end + 2;
        }
        return found;
    }
};

class HttpConnection {
public:
    explicit HttpConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)), port_(port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect");
    }
    ~HttpConnection() { ::close(socket_); }
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;  // the server has closed; what it said can be read
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    void send_request(const std::string& method, const std::string& target, const std::string& body = {},
                      const std::string& headers = {}) const {
        std::string text = method + " " + target + " HTTP/1.1\r\n" + headers;
        if (headers.find("Host:") == std::string::npos)
            text += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
        if (!body.empty() || method == "POST")
            text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(text + "\r\n" + body);
    }
    /// Says that nothing more comes, and keeps reading.
    void end_sending() const { ::shutdown(socket_, SHUT_WR); }

    /// The next answer. Status 0 when the connection ends before one, or nothing comes for a minute
    /// (times kSlowness).
    HttpAnswer read() {
        HttpAnswer answer;
        while (buffer_.find("\r\n\r\n") == std::string::npos)
            if (!receive()) return {};
        const auto head_end = buffer_.find("\r\n\r\n");
        const std::string head = buffer_.substr(0, head_end);
        buffer_.erase(0, head_end + 4);
        answer.status = std::atoi(head.c_str() + head.find(' '));
        if (answer.status == 100) return read();
        for (auto at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
            const auto end = std::min(head.find("\r\n", at + 2), head.size());
            const std::string line = head.substr(at + 2, end - at - 2);
            std::string name = line.substr(0, line.find(':'));
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            answer.headers[name] = line.substr(std::min(line.find(':') + 2, line.size()));
        }
        if (answer.headers.contains("content-length")) {
            const auto n = static_cast<std::size_t>(std::stoul(answer.headers["content-length"]));
            while (buffer_.size() < n && receive()) {
            }
            answer.body = buffer_.substr(0, n);
            buffer_.erase(0, n);
        } else if (answer.headers.contains("transfer-encoding")) {
            read_chunks(answer);
        } else {
            while (receive()) {
            }
            answer.body = std::move(buffer_);
        }
        return answer;
    }

    /// Some more bytes of the answer into `seen`; false at its end.
    bool receive() {
        pollfd p{socket_, POLLIN, 0};
        if (::poll(&p, 1, 60000 * kSlowness) <= 0) return false;
        char bytes[16384];
        const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
        if (n <= 0) return false;
        buffer_.append(bytes, static_cast<std::size_t>(n));
        return true;
    }
    const std::string& buffer() const { return buffer_; }

private:
    void read_chunks(HttpAnswer& answer) {
        for (;;) {
            while (buffer_.find("\r\n") == std::string::npos)
                if (!receive()) return;
            const auto n = static_cast<std::size_t>(std::stoul(buffer_, nullptr, 16));
            const auto begin = buffer_.find("\r\n") + 2;
            while (buffer_.size() < begin + n + 2)
                if (!receive()) return;
            answer.body += buffer_.substr(begin, n);
            buffer_.erase(0, begin + n + 2);
            if (n == 0) return;
        }
    }

    int socket_, port_;
    std::string buffer_;
};

}  // namespace tiller::test
