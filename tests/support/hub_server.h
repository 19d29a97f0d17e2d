// A hub on this machine: lists and files of repositories over HTTP, and whatever a test wants it to do wrong.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/util.h"

namespace tiller::test {

/// A request as the server saw it.
struct Asked {
    std::string path;                            ///< With the query.
    std::map<std::string, std::string> headers;  ///< By lower-case name.
    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    std::optional<std::size_t> length = {};  ///< Another Content-Length than the body's.
    bool no_length = false;                  ///< None: the body ends where the connection does.
    std::optional<std::size_t> cut = {};     ///< The connection ends after so many bytes of the body.
    int pause_ms = 0;                        ///< Before each 64 KiB of the body.
};

/// Serves on a free port of 127.0.0.1 until it is destroyed; a thread for each connection.
class HubServer {
public:
    using Handler = std::function<Answer(const Asked&)>;

    explicit HubServer(Handler handler) : handler_(std::move(handler)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("the test's server cannot listen");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { accept_all(); });
    }
    ~HubServer() {
        over_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (auto& t : connections_) t.join();
        ::close(listener_);
    }
    HubServer(const HubServer&) = delete;
    HubServer& operator=(const HubServer&) = delete;

    std::string url(const std::string& host = "127.0.0.1") const {
        return fmt::format("http://{}:{}", host, port_);
    }
    /// Requests so far.
    std::vector<Asked> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (over_ || fd < 0) {
                if (fd >= 0) ::close(fd);
                return;
            }
            connections_.emplace_back([this, fd] {
                serve(fd);
                ::close(fd);
            });
        }
    }
    void serve(int fd) {
        const timeval limit{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        std::string text;
        for (char buffer[4096]; text.find("\r\n\r\n") == std::string::npos;) {
            const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
            if (n <= 0) return;
            text.append(buffer, static_cast<std::size_t>(n));
        }
        Asked asked;
        const auto first = text.find(' ');
        asked.path = text.substr(first + 1, text.find(' ', first + 1) - first - 1);
        for (auto at = text.find("\r\n") + 2; text.compare(at, 2, "\r\n") != 0;) {
            const auto end = text.find("\r\n", at);
            const std::string line = text.substr(at, end - at);
            const auto colon = line.find(':');
            std::string name = line.substr(0, colon);
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return std::tolower(c); });
            asked.headers[name] = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
            at = end + 2;
        }
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(asked);
        }
        answer(fd, handler_(asked));
    }
    void answer(int fd, const Answer& a) const {
        std::string head = fmt::format("HTTP/1.1 {} Answer\r\nConnection: close\r\n", a.status);
        for (const auto& [name, value] : a.headers) head += name + ": " + value + "\r\n";
        if (!a.no_length) head += fmt::format("Content-Length: {}\r\n", a.length.value_or(a.body.size()));
        if (!send_all(fd, head + "\r\n")) return;
        const std::string body = a.body.substr(0, a.cut.value_or(a.body.size()));
        for (std::size_t at = 0; at < body.size() && !over_; at += 65536) {
            if (a.pause_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(a.pause_ms));
            if (!send_all(fd, body.substr(at, 65536))) return;
        }
    }
    static bool send_all(int fd, std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    Handler handler_;
    int listener_ = -1, port_ = 0;
    std::atomic<bool> over_ = false;
    mutable std::mutex mutex_;
    std::vector<Asked> asked_;
    std::thread thread_;
    std::vector<std::thread> connections_;
};

/// One repository, "user/repo", whose files are large ones: their list says their SHA-256.
class FakeHub {
public:
    std::map<std::string, std::string> files;  ///< Path -> bytes.
    /// Answers instead of the hub where it wants to. Called from the server's threads.
    std::function<std::optional<Answer>(const Asked&)> instead = [](const Asked&) { return std::nullopt; };

    std::string url() const { return server_.url(); }
    std::vector<Asked> asked() const { return server_.asked(); }
    int n_asked(const std::string& part) const {
        int n = 0;
        for (const auto& a : asked()) n += a.path.find(part) != std::string::npos;
        return n;
    }
    nlohmann::json list() const {
        nlohmann::json all = nlohmann::json::array();
        for (const auto& [path, bytes] : files)
            all.push_back({{"type", "file"},
                           {"path", path},
                           {"oid", std::string(40, 'a')},
                           {"size", bytes.size()},
                           {"lfs", {{"oid", sha256(bytes)}, {"size", bytes.size()}, {"pointerSize", 130}}}});
        all.push_back(
            {{"type", "directory"}, {"path", "folder"}, {"oid", std::string(40, 'b')}, {"size", 0}});
        return all;
    }
    /// The right answer to a question for a file, from the byte on that is asked for.
    static Answer file_answer(const std::string& bytes, const Asked& asked) {
        const std::string range = asked.header("range");
        if (range.empty()) return {.body = bytes};
        const std::size_t from = std::stoul(range.substr(range.find('=') + 1));
        if (from >= bytes.size()) return {.status = 416};
        return {.status = 206,
                .headers = {{"Content-Range",
                             fmt::format("bytes {}-{}/{}", from, bytes.size() - 1, bytes.size())}},
                .body = bytes.substr(from)};
    }

private:
    Answer answer(const Asked& asked) {
        if (auto other = instead(asked)) return *other;
        if (asked.path.starts_with("/api/models/user/repo/tree/main")) return {.body = list().dump()};
        const std::string stem = "/user/repo/resolve/main/";
        if (asked.path.starts_with(stem))
            if (const auto found = files.find(asked.path.substr(stem.size())); found != files.end())
                return file_answer(found->second, asked);
        return {.status = 404};
    }
    HubServer server_{[this](const Asked& asked) { return answer(asked); }};
};

}  // namespace tiller::test
