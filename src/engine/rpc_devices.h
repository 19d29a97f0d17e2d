// Servers of other machines as devices of the engine.
#pragma once

#include <ggml-backend.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tiller/rpc.h"

namespace tiller::engine {

/// What a model over several machines computes on.
struct RpcDevices {
    /// Servers' devices in the order of the servers, then this machine's GPUs; ends with a null pointer, as
    /// llama_model_params::devices does. Empty without servers.
    std::vector<ggml_backend_dev_t> list;
    /// Bytes that these devices had free before the model, in all. A server without a GPU says how much
    /// memory its machine has.
    std::uint64_t free_bytes = 0;
    /// While one of these lives, connections to a server may be open, so that it serves nobody else.
    std::vector<std::shared_ptr<const void>> in_use;
};

/// Makes the servers devices of the engine, after a look at each. Throws usage (an address that is not on
/// loopback and not allowed, two names of one address, IPv6) and environment (an engine without RPC, a server
/// that does not answer within 15 seconds or is of another version). Any thread. Starts the engine.
RpcDevices rpc_devices(const RpcOptions& options);

}  // namespace tiller::engine
