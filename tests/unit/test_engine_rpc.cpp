// Servers of other machines: how addresses are read, which are refused, and what is said of a listener that
// is no server. The engine itself ends its process on most of these.
#include <ggml-rpc.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "engine/rpc_probe.h"
#include "support/engine_rows.h"
#include "support/fake_server.h"
#include "tiller/rpc.h"

namespace tiller {
namespace {

using engine::complaint_of;
using engine::resolve;
using test::expect_error;
using test::FakeServer;

TEST(EngineRpc, AddressesAreReadAsTheyAreWritten) {
    const auto read = rpc_addresses("127.0.0.1:50052,node-7.cluster_a:1,[fe80::1%eth0]:65535");
    const std::vector<RpcAddress> expected = {
        {"127.0.0.1", 50052}, {"node-7.cluster_a", 1}, {"fe80::1%eth0", 65535}};
    EXPECT_EQ(read, expected);
    std::string again;
    for (const auto& address : read) again += (again.empty() ? "" : ",") + address.text();
    EXPECT_EQ(rpc_addresses(again), expected);
}

TEST(EngineRpc, OtherAddressesAreRefusedByName) {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"", "is empty"},
        {"a:1,", "is empty"},
        {",a:1", "is empty"},
        {"a", "has no port"},
        {"a:", "has no port"},
        {"a:x", "has no port"},
        {"a:-1", "has no port"},
        {"a:+1", "has no port"},
        {"a: 1", "has no port"},
        {"a:0", "port 0, expected 1 to 65535"},
        {"a:65536", "port 65536"},
        {"a:99999999999999999999", "port 99999999999999999999"},
        {":1", "has no host"},
        {"[]:1", "brackets, which are for IPv6"},
        {"[a]:1", "brackets, which are for IPv6"},
        {"[::1]", "has no port"},
        {"[::1", "has no port"},
        {"[::1]50052", "has no port"},
        {"::1:50052", "[::1]:50052"},
        {"a b:1", "no name or IP address"},
        {"-oProxyCommand:1", "no name or IP address"},
        {"a/b:1", "no name or IP address"},
        {"\x1b[31m:1", "no name or IP address"},
        {std::string(254, 'a') + ":1", "no name or IP address"},
        {"a:1,b:1,a:1", "'a:1' stands twice"},
        {"a:1,a:01", "'a:1' stands twice"},
    };
    for (const auto& [list, part] : wrong) {
        SCOPED_TRACE(list);
        expect_error(
            Code::usage, {part}, [&] { rpc_addresses(list); }, Topic::rpc);
    }
    std::string many = "a:1";
    for (int i = 2; i <= 16; ++i) many += ",a:" + std::to_string(i);
    EXPECT_EQ(rpc_addresses(many).size(), 16u);
    expect_error(Code::usage, {"17 servers", "16 at most"}, [&] { rpc_addresses(many + ",a:17"); });
}

// What comes from a command line may be a terminal's control characters.
TEST(EngineRpc, AnAddressInAnErrorIsEscaped) {
    try {
        rpc_addresses("\x1b]0;x\a:1");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos) << error.what();
    }
}

TEST(EngineRpc, LoopbackIsToldByTheAddress) {
    EXPECT_TRUE(resolve({"127.0.0.1", 5}).loopback);
    EXPECT_EQ(resolve({"127.0.0.1", 5}).text, "127.0.0.1:5");
    EXPECT_TRUE(resolve({"127.200.3.4", 5}).loopback);
    EXPECT_EQ(resolve({"localhost", 5}).text, "127.0.0.1:5");
    EXPECT_TRUE(resolve({"localhost", 5}).loopback);
    for (const char* other : {"192.0.2.1", "128.0.0.1", "126.255.255.255", "0.0.0.0", "10.0.0.127"})
        EXPECT_FALSE(resolve({other, 5}).loopback) << other;
    expect_error(Code::usage, {"[::1]:5", "IPv4"}, [] { resolve({"::1", 5}); });
    expect_error(Code::environment, {"a..b:5", "no IPv4 address"}, [] { resolve({"a..b", 5}); });
}

engine::RpcEndpoint at(const std::string& address) { return {address, true}; }

TEST(EngineRpc, NobodyListens) {
    EXPECT_EQ(complaint_of(at("127.0.0.1:" + std::to_string(test::free_port()))),
              "does not answer (Connection refused)");
}

constexpr engine::RpcPatience kShort = {std::chrono::milliseconds(2000), std::chrono::milliseconds(200)};

// As a server does that is in use: the system takes the connection, and nobody reads from it.
TEST(EngineRpc, AServerThatIsInUseIsNotWaitedForLong) {
    const FakeServer busy([](int fd) {
        char byte;
        while (::recv(fd, &byte, 1, 0) > 0) {
        }
    });
    EXPECT_NE(complaint_of(at(busy.address()), kShort).find("in use by another program"), std::string::npos);
}

TEST(EngineRpc, ATunnelToNowhereClosesTheConnection) {
    const FakeServer tunnel([](int) {});
    EXPECT_NE(complaint_of(at(tunnel.address())).find("closed the connection"), std::string::npos);
}

TEST(EngineRpc, AnotherProgramIsNoServer) {
    const FakeServer web([](int fd) {
        const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
        ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    });
    EXPECT_NE(complaint_of(at(web.address())).find("is no ggml-rpc-server"), std::string::npos);
}

/// Answers the greeting as a server of this version of the protocol; says what it was asked.
std::string greeting_of(int major, int minor, std::string& asked) {
    const FakeServer server([&](int fd) {
        std::array<char, 33> question{};
        for (std::size_t n = 0; n < question.size();) {
            const auto got = ::recv(fd, &question[n], question.size() - n, 0);
            if (got <= 0) return;
            n += static_cast<std::size_t>(got);
        }
        asked.assign(question.data(), question.size());
        std::array<char, 36> answer{};
        answer[0] = 28, answer[8] = static_cast<char>(major), answer[9] = static_cast<char>(minor);
        // In two parts: a network may cut anywhere.
        ::send(fd, answer.data(), 5, MSG_NOSIGNAL);
        ::usleep(20'000);
        ::send(fd, &answer[5], answer.size() - 5, MSG_NOSIGNAL);
    });
    return complaint_of(at(server.address()));
}

TEST(EngineRpc, OnlyTheEnginesOwnVersionWillDo) {
    std::string asked;
    EXPECT_EQ(greeting_of(RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION, asked), "");
    EXPECT_EQ(asked, std::string("\x0e\x18", 2) + std::string(31, '\0'));
    EXPECT_NE(greeting_of(RPC_PROTO_MAJOR_VERSION - 1, 0, asked).find("speaks version"), std::string::npos);
    EXPECT_NE(greeting_of(RPC_PROTO_MAJOR_VERSION, RPC_PROTO_MINOR_VERSION + 1, asked).find("speaks version"),
              std::string::npos);
}

}  // namespace
}  // namespace tiller
