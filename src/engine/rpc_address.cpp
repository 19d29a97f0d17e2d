#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/escape_controls.h"
#include "tiller/error.h"
#include "tiller/rpc.h"

namespace tiller {
namespace {

constexpr std::size_t kMostServers = 16;  // the engine's own limit of devices
constexpr std::size_t kLongestHost = 253;

[[noreturn]] void refuse(std::string_view address, const std::string& why) {
    throw Error(Code::usage,
                fmt::format("the server address '{}' {}; expected host:port, for example 127.0.0.1:50052",
                            escape_line(std::string(address.substr(0, 100))), why),
                Topic::rpc);
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

bool is_address_character(char c) {  // of IPv6, its zone included
    return is_name_character(c) || c == ':' || c == '%';
}

std::uint16_t port_of(std::string_view address, std::string_view text) {
    int port = 0;
    const char* end = text.data() + text.size();
    const bool digits =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) refuse(address, "has no port");
    if (std::from_chars(text.data(), end, port).ptr != end || port < 1 || port > 65535)
        refuse(address, fmt::format("has the port {}, expected 1 to 65535", text.substr(0, 20)));
    return static_cast<std::uint16_t>(port);
}

RpcAddress address_of(std::string_view text) {
    if (text.empty()) refuse(text, "is empty");
    std::string_view host, port;
    const bool bracketed = text.front() == '[';
    if (bracketed) {
        const auto end = text.find(']');
        if (end == std::string_view::npos || text.substr(end + 1, 1) != ":") refuse(text, "has no port");
        host = text.substr(1, end - 1), port = text.substr(end + 2);
        if (host.find(':') == std::string_view::npos)
            refuse(text, "has brackets, which are for IPv6 addresses");
    } else {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) refuse(text, "has no port");
        host = text.substr(0, colon), port = text.substr(colon + 1);
        if (port.find(':') != std::string_view::npos)
            refuse(text, "has several colons; an IPv6 address stands in brackets, as in [::1]:50052");
    }
    if (host.empty()) refuse(text, "has no host");
    if (host.size() > kLongestHost || host.front() == '-' ||
        !std::all_of(host.begin(), host.end(), bracketed ? is_address_character : is_name_character))
        refuse(text, "has a host that is no name or IP address");
    return {std::string(host), port_of(text, port)};
}

}  // namespace

std::string RpcAddress::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

std::vector<RpcAddress> rpc_addresses(std::string_view list) {
    std::vector<RpcAddress> found;
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        const RpcAddress address = address_of(list.substr(begin, end - begin));
        if (std::find(found.begin(), found.end(), address) != found.end())
            refuse(address.text(), "stands twice in the list");
        found.push_back(address);
        begin = end + 1;
    }
    if (found.size() > kMostServers)
        throw Error(
            Code::usage,
            fmt::format("{} servers are named, and the engine uses {} at most", found.size(), kMostServers),
            Topic::rpc);
    return found;
}

}  // namespace tiller
