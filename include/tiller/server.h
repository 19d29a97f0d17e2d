// A server whose requests are steered each in its own way, all in one batch: OpenAI's completions and chats
// over HTTP with a field `steering` (docs/server.md).
//
// What it does to the process: one thread for the network (that of run()), one for the model, one for
// extractions. It listens on a socket, writes no file, prints nothing and sets no signal handler.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/task.h"
#include "tiller/vector.h"

namespace tiller {

/// What a client asks to extract.
struct ExtractRequest {
    std::string name;  ///< Of the vector.
    std::string method;
    std::string task;         ///< Name of a known task; never a path. Or:
    std::vector<Item> items;  ///< The task's items, of this family. Or:
    Family family = Family::functional;
    std::vector<Pair> pairs;                 ///< Pairs of texts.
    std::map<std::string, double> settings;  ///< Of the method, by name.
    std::uint64_t seed = 0;
};
/// Tells a step's name, how much of it is done, and of how much.
using ExtractProgress = std::function<void(const std::string& step, std::size_t done, std::size_t all)>;
/// Makes the vector. Called in a thread of the server's, one at a time, with an engine of its own that stops
/// when the job is cancelled. Throws tiller::Error.
using Extract = std::function<SteeringVector(Engine&, const ExtractRequest&, const ExtractProgress&)>;

struct ServerOptions {
    std::string host = "127.0.0.1";  ///< An address of this machine, or "localhost".
    int port = 8080;                 ///< 0 = any that is free.
    std::string model_id;            ///< What clients call the model; empty = the file's stem.
    /// A folder whose *.gguf are offered by their stems; empty = none. Read once, by the constructor.
    std::filesystem::path vectors = {};
    /// Clients send one of these; empty = no key. Needed where `host` is not a loopback address.
    std::vector<std::string> api_keys = {};
    std::string chat_template = {};  ///< Jinja text in place of the model's own; empty = that.
    int n_rows = 16;                 ///< Rows computed at once, [1, 256]; halved while memory is short.
    int row_tokens = 0;  ///< Of the longest row; 0 = 2048, or the model's context when that is shorter.
    int n_queue = 256;   ///< Rows that wait beside those, >= 0.
    std::size_t max_body = std::size_t{32} << 20;             ///< Bytes of a request.
    std::uint64_t max_vector_bytes = std::uint64_t{1} << 30;  ///< Of all vectors.
    int drain_seconds = 30;  ///< For requests under way when run() is to stop.
    Extract extract = {};    ///< Empty: extractions are refused.
};

class Server {
public:
    /// Loads the vectors, makes the model's engine and listens. `engine` says how the model computes. Throws
    /// usage (options, a public address without a key), bad_input (a vector of another model, a raw
    /// extraction), missing (the folder), environment (address in use, memory).
    Server(std::shared_ptr<const Model> model, const EngineOptions& engine, const ServerOptions& options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    int port() const noexcept;
    /// With the defaults filled in and n_rows as it is.
    const ServerOptions& options() const noexcept;
    /// Names of the vectors, by name.
    std::vector<std::string> vector_names() const;
    /// Files of the folder that are not offered, with the reason, a sentence each.
    const std::vector<std::string>& left_out() const noexcept;

    /// Serves until `*stop` is true (set by any thread or a signal handler; looked at ten times a second).
    /// Requests under way then have drain_seconds, new ones are refused. Once.
    void run(const std::atomic<bool>& stop);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tiller
