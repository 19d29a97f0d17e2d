// Looks at a server before the engine does, which ends the process where a server is not there, is none, or
// is of another version.
#pragma once

#include <chrono>
#include <string>

#include "tiller/rpc.h"

namespace tiller::engine {

/// A server's address as the engine is given it.
struct RpcEndpoint {
    std::string text;       ///< "127.0.0.1:50052": numbers, so that nothing is looked up a second time.
    bool loopback = false;  ///< Every address that the host's name has is in 127.0.0.0/8.
};

/// Looks the host up. Throws environment (no such host) and usage (IPv6, which the engine cannot speak).
RpcEndpoint resolve(const RpcAddress& address);

struct RpcPatience {
    std::chrono::milliseconds connect{5000}, greeting{10000};
};

/// Connects and exchanges the protocol's greeting: what is wrong, as a clause after the address ("does not
/// answer (Connection refused)"), empty when a server of the engine's own version answers. Leaves no
/// connection. A server serves one program at a time, so one that is in use seems silent.
std::string complaint_of(const RpcEndpoint& endpoint, const RpcPatience& patience = {});

}  // namespace tiller::engine
