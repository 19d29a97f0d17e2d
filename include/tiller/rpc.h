// Models over several machines: servers of the engine (ggml-rpc-server) hold layers of a model and compute
// them; ModelOptions::rpc names them.
//
// The transport has no authentication and no encryption, and its server trusts whoever reaches it: it belongs
// on this machine's loopback, or inside a tunnel that ends there (ssh -L). Model::load() refuses other
// addresses unless told otherwise.
//
// A server that goes away while a model is loaded or used ENDS THE PROCESS: the engine aborts, and no Error
// can be thrown. A program that must outlive its servers loads the model in a child process, as `tiller`
// does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiller {

/// Where a server listens.
struct RpcAddress {
    std::string host;        ///< A name or an IPv4 address; an IPv6 address without its brackets.
    std::uint16_t port = 0;  ///< [1, 65535].

    /// "host:port", as rpc_addresses() reads it.
    std::string text() const;
    bool operator==(const RpcAddress&) const = default;
};

/// Reads "host:port,host:port"; an IPv6 address is written in brackets. Nothing is looked up. Throws usage
/// for an empty list, an address without a port of [1, 65535], other characters than host names have, the
/// same address twice, or more than 16 addresses.
std::vector<RpcAddress> rpc_addresses(std::string_view list);

/// Which servers take part.
struct RpcOptions {
    /// In this order: the first servers get the first layers, each in proportion to its free memory. Empty:
    /// only this machine.
    std::vector<RpcAddress> servers = {};
    /// Use servers that are not on this machine's loopback, without any protection.
    bool insecure = false;
};

}  // namespace tiller
