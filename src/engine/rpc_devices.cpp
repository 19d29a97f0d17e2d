#include "engine/rpc_devices.h"

#include <fmt/format.h>
#include <llama.h>

#include <map>
#include <mutex>

#include "engine/engine_log.h"
#include "engine/rpc_probe.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

using AddServer = ggml_backend_reg_t (*)(const char* endpoint);

AddServer add_server() {
    const ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
    const auto found = rpc ? reinterpret_cast<AddServer>(
                                 ggml_backend_reg_get_proc_address(rpc, "ggml_backend_rpc_add_server"))
                           : nullptr;
    if (!found)
        throw Error(Code::environment,
                    "this tiller's engine cannot use servers of other machines; build tiller with "
                    "-DTILLER_RPC=ON (docs/many-machines.md, \"Models over several machines\")",
                    Topic::rpc);
    return found;
}

RpcEndpoint allowed_endpoint(const RpcAddress& address, bool insecure) {
    RpcEndpoint endpoint = resolve(address);
    if (!endpoint.loopback && !insecure)
        throw Error(
            Code::usage,
            fmt::format("the server {} is not on this machine's loopback, and the transport has no "
                        "authentication and no encryption: whoever reaches the server can read and write its "
                        "memory. Let a tunnel end here (ssh -N -L {}:127.0.0.1:{} {}) and name 127.0.0.1:{}",
                        address.text(), address.port, address.port, address.host, address.port),
            Topic::insecure_rpc);
    return endpoint;
}

// A server serves one connection at a time. Where a model of this process uses it already, a look at it would
// wait for ever, and is not needed: the engine goes on with the connection that it has.
std::shared_ptr<const void> use(const RpcAddress& address, const RpcEndpoint& endpoint) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<const void>> known;
    const std::lock_guard lock(mutex);
    if (auto open = known[endpoint.text].lock()) return open;
    if (const std::string wrong = complaint_of(endpoint); !wrong.empty())
        throw Error(
            Code::environment,
            fmt::format("the server {} {}. On its machine: ggml-rpc-server -H 127.0.0.1 -p {}; a tunnel, "
                        "if there is one, has to lead there",
                        address.text(), wrong, address.port),
            Topic::rpc);
    auto token = std::make_shared<const int>(0);
    known[endpoint.text] = token;
    return token;
}

void add_own_gpus(RpcDevices& devices) {
    for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        const ggml_backend_dev_t device = ggml_backend_dev_get(i);
        if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_GPU) devices.list.push_back(device);
    }
}

}  // namespace

RpcDevices rpc_devices(const RpcOptions& options) {
    RpcDevices devices;
    if (options.servers.empty()) return devices;
    const EngineLog log;
    const AddServer add = add_server();
    std::vector<RpcEndpoint> endpoints;
    for (const RpcAddress& address : options.servers) {
        RpcEndpoint endpoint = allowed_endpoint(address, options.insecure);
        for (std::size_t i = 0; i < endpoints.size(); ++i)
            if (endpoints[i].text == endpoint.text)
                throw Error(Code::usage,
                            fmt::format("{} and {} are one server ({}); name it once",
                                        options.servers[i].text(), address.text(), endpoint.text),
                            Topic::rpc);
        endpoints.push_back(std::move(endpoint));
    }
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        devices.in_use.push_back(use(options.servers[i], endpoints[i]));
        const ggml_backend_reg_t server = add(endpoints[i].text.c_str());
        const std::size_t n = server ? ggml_backend_reg_dev_count(server) : 0;
        if (n == 0)
            throw Error(Code::environment,
                        fmt::format("the server {} has nothing to compute with", options.servers[i].text()),
                        Topic::rpc);
        for (std::size_t k = 0; k < n; ++k) devices.list.push_back(ggml_backend_reg_dev_get(server, k));
    }
    add_own_gpus(devices);
    if (devices.list.size() > llama_max_devices())
        throw Error(Code::environment,
                    fmt::format("{} devices on these servers and this machine, and the engine uses {} at "
                                "most; name fewer servers, or let them offer fewer devices",
                                devices.list.size(), llama_max_devices()),
                    Topic::rpc);
    for (const ggml_backend_dev_t device : devices.list) {
        std::size_t free = 0, total = 0;
        ggml_backend_dev_memory(device, &free, &total);
        devices.free_bytes += free;
    }
    devices.list.push_back(nullptr);
    return devices;
}

}  // namespace tiller::engine
