// ggml-rpc-server processes on loopback.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/rpc_probe.h"
#include "support/fake_server.h"
#include "tiller/rpc.h"

namespace tiller::test {

/// One server. The destructor kills it.
class RpcServer {
public:
    explicit RpcServer(int port = free_port()) : port_(port) {
        const std::string text = std::to_string(port);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int null = ::open("/dev/null", O_RDWR);
            ::dup2(null, 0), ::dup2(null, 1), ::dup2(null, 2);
            ::execl(TILLER_RPC_SERVER, TILLER_RPC_SERVER, "-t", "1", "-p", text.c_str(), nullptr);
            ::_exit(127);
        }
        for (int i = 0; i < 1000; ++i) {
            if (engine::complaint_of({address(), true}).empty()) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        stop();
        throw std::runtime_error("no server on " + address());
    }
    ~RpcServer() { stop(); }
    RpcServer(const RpcServer&) = delete;
    RpcServer& operator=(const RpcServer&) = delete;

    void stop() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void send(int signal) const { ::kill(pid_, signal); }
    int port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    int port_;
    pid_t pid_ = -1;
};

/// Some of them, for a test.
class RpcServers {
public:
    explicit RpcServers(int n) {
        for (int i = 0; i < n; ++i) servers_.push_back(std::make_unique<RpcServer>());
    }
    std::string list() const {
        std::string text;
        for (const auto& server : servers_) text += (text.empty() ? "" : ",") + server->address();
        return text;
    }
    RpcOptions options() const { return {rpc_addresses(list()), false}; }
    RpcServer& operator[](std::size_t i) { return *servers_[i]; }
    /// A killed one listens again where it did.
    void restart(std::size_t i) {
        const int port = servers_[i]->port();
        servers_[i].reset();
        servers_[i] = std::make_unique<RpcServer>(port);
    }

private:
    std::vector<std::unique_ptr<RpcServer>> servers_;
};

}  // namespace tiller::test
