// An HTTP server with OpenAI's completions and chats and a field `steering` (docs/server.md). Every request
// may be steered in its own way; all share one batch.
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

/// What a client asks to extract, from one of three: `task`, `items` with `family`, or `pairs`.
struct ExtractRequest {
    std::string name;  ///< Name of the vector to make.
    std::string method;
    std::string task;         ///< Name of a known task; never a path.
    std::vector<Item> items;  ///< Items of a task that the client gives, of this family.
    Family family = Family::functional;
    std::vector<Pair> pairs;                 ///< Pairs of texts.
    std::map<std::string, double> settings;  ///< Of the method, by name.
    std::uint64_t seed = 0;
};
/// Gets a step's name, how much of it is done, and how much there is.
using ExtractProgress = std::function<void(const std::string& step, std::size_t done, std::size_t all)>;
/// Makes the vector. Called in a thread of the server, one job at a time, with an engine of its own that
/// stops when the job is cancelled. Throws tiller::Error.
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
    int row_tokens = 0;  ///< Tokens of the longest row; 0 = 2048, or the model's context if that is shorter.
    int n_queue = 256;   ///< Rows that may wait in addition, >= 0; more are refused.
    std::size_t max_body = std::size_t{32} << 20;             ///< Bytes of a request's body, at most.
    std::uint64_t max_vector_bytes = std::uint64_t{1} << 30;  ///< Bytes of all vectors together, at most.
    int drain_seconds = 30;  ///< Time for requests under way when run() is to stop.
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
    /// The options with defaults filled in, and n_rows as memory allows.
    const ServerOptions& options() const noexcept;
    /// Names of the vectors, sorted.
    std::vector<std::string> vector_names() const;
    /// Files of the folder that are not offered, with the reason, a sentence each.
    const std::vector<std::string>& left_out() const noexcept;

    /// Serves until `stop` is true (set by any thread or a signal handler; looked at ten times a second). New
    /// requests are then refused, and those under way have drain_seconds to finish. May be called once.
    void run(const std::atomic<bool>& stop);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tiller
