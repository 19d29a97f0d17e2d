#include "tiller/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include "core/util.h"
#include "serve/guard.h"
#include "serve/service.h"
#include "tiller/error.h"
#include "tiller/version.h"
#include "vectors/reject.h"

namespace tiller {

using namespace serve;
namespace fs = std::filesystem;

namespace {

constexpr int kJobQueue = 16;
// A prompt's log-probabilities (echo) are computed in chunks of this many tokens.
constexpr int kPromptOutputs = 64;

std::int64_t unix_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

ServerOptions checked(ServerOptions o, const ModelInfo& info) {
    const auto refuse = [](const std::string& what) { throw Error(Code::usage, what); };
    if (o.port < 0 || o.port > 65535) refuse(fmt::format("port {}: expected 0 to 65535", o.port));
    if (o.n_rows < 1 || o.n_rows > 256)
        refuse(fmt::format("rows at once: {} given, expected 1 to 256", o.n_rows));
    if (o.n_queue < 0) refuse(fmt::format("rows that wait: {} given, expected 0 or more", o.n_queue));
    if (o.drain_seconds < 0)
        refuse(fmt::format("seconds to end: {} given, expected 0 or more", o.drain_seconds));
    for (const std::string& key : o.api_keys)
        if (key.empty()) refuse("a key is empty, and would let everybody in");
    if (!is_loopback(o.host) && o.api_keys.empty())
        refuse(fmt::format(
            "{} can be reached from other machines; give at least one key that clients must send", o.host));
    if (o.model_id.empty()) o.model_id = info.path.stem().string();
    if (o.model_id.empty() || !is_valid_utf8(o.model_id) || o.model_id.find('+') != std::string::npos)
        refuse(fmt::format("the model's name {} has a + or is no text; give another one",
                           printable(o.model_id)));
    return o;
}

// Halves the rows until their caches fit into memory.
std::unique_ptr<Worker> make_worker(Engine& engine, ServerOptions& o, Metrics& metrics) {
    for (;;) {
        StepperOptions options;
        options.n_rows = o.n_rows;
        options.row_tokens = o.row_tokens;
        options.prompt_outputs = kPromptOutputs;
        try {
            return std::make_unique<Worker>(engine, options, o.n_queue, metrics);
        } catch (const Error& error) {
            if (error.code() != Code::environment || o.n_rows == 1) throw;
        }
        o.n_rows /= 2;
    }
}

// Counts replies by endpoint and status.
class CountedReply final : public Reply {
public:
    CountedReply(std::shared_ptr<Reply> reply, Metrics& metrics, const char* endpoint)
        : reply_(std::move(reply)), metrics_(&metrics), endpoint_(endpoint) {}
    void send(int status, const char* type, std::string body, Headers headers) override {
        metrics_->count_request(endpoint_, status);
        reply_->send(status, type, std::move(body), std::move(headers));
    }
    void begin_events() override {
        metrics_->count_request(endpoint_, 200);
        reply_->begin_events();
    }
    void event(std::string_view data) override { reply_->event(data); }
    void end() override { reply_->end(); }
    const std::shared_ptr<std::atomic<bool>>& gone() const override { return reply_->gone(); }

private:
    std::shared_ptr<Reply> reply_;
    Metrics* metrics_;
    const char* endpoint_;
};

bool matches(std::string_view path, std::string_view pattern) {
    if (!pattern.ends_with("/*")) return path == pattern;
    const std::string_view folder = pattern.substr(0, pattern.size() - 1);
    return path.starts_with(folder) && path.size() > folder.size() &&
           path.find('/', folder.size()) == std::string_view::npos;
}

}  // namespace

struct Server::Impl {
    std::shared_ptr<const Model> model;
    ServerOptions options;
    bool loopback;
    Metrics metrics;
    VectorStore vectors;
    std::vector<std::string> left_out;
    std::atomic<bool> stopping = false;
    // Declared before those that answer through it, so that it is destroyed after them.
    std::optional<HttpServer> http;
    Engine engine;
    std::unique_ptr<Worker> worker;
    std::optional<Jobs> jobs;
    std::optional<Service> service;

    Impl(std::shared_ptr<const Model> m, const EngineOptions& engine_options, const ServerOptions& o)
        : model(std::move(m)),
          options(checked(o, model->info())),
          loopback(is_loopback(options.host)),
          vectors(model->info(), options.max_vector_bytes),
          engine(model, engine_options) {
        read_folder();
        HttpLimits limits;
        limits.body_bytes = options.max_body;
        http.emplace(options.host, options.port, limits,
                     [this](const Request& request, std::shared_ptr<Reply> reply) {
                         handle(request, std::move(reply));
                     });
        worker = make_worker(engine, options, metrics);
        options.row_tokens = worker->options().row_tokens;
        options.port = http->port();
        EngineOptions beside = engine_options;
        beside.max_rows = std::min(beside.max_rows, 16);
        jobs.emplace(model, beside, vectors, options.extract, kJobQueue);
        service.emplace(
            Service{*model, options, options.model_id,
                    fmt::format("tiller-{}-{}", TILLER_VERSION, model->info().digest.substr(0, 12)),
                    unix_seconds(), vectors, *worker, *jobs, metrics, stopping});
    }

    void read_folder() {
        if (options.vectors.empty()) return;
        std::error_code error;
        if (!fs::is_directory(options.vectors, error))
            throw Error(Code::missing, fmt::format("there is no folder {}", options.vectors.string()));
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(options.vectors))
            if (entry.path().extension() == ".gguf" && entry.is_regular_file(error))
                files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const fs::path& file : files) {
            const std::string name = file.stem().string();
            if (!is_vector_name(name)) {
                left_out.push_back(
                    fmt::format("{}: its name has other characters than letters, digits, '.', '_' and "
                                "'-', or more than 64",
                                printable(file.filename().string())));
                continue;
            }
            try {
                vectors.add(vectors.read(name, read_file(file, options.max_vector_bytes), ""), false);
            } catch (const Problem& problem) {
                throw Error(Code::bad_input, fmt::format("{}: {}", file.string(), problem.message));
            }
        }
    }

    // A Problem thrown here becomes the reply.
    const Route& route_of(const Request& request) const {
        const Route* found = nullptr;
        for (const Route& route : routes()) {
            if (!matches(request.path, route.path)) continue;
            if (request.method == route.method) return route;
            if (std::string_view(route.path) != "/*") found = &route;
        }
        if (found)
            throw Problem(405, "method_not_allowed",
                          fmt::format("{} takes other methods, {} for one", found->path, found->method));
        throw Problem(404, "not_found", "there is nothing at this path; docs/server.md lists what is");
    }

    void handle(const Request& request, std::shared_ptr<Reply> reply) {
        std::shared_ptr<Reply> counted = std::make_shared<CountedReply>(reply, metrics, "other");
        try {
            check_source(request, loopback);
            const Route& route = route_of(request);
            counted = std::make_shared<CountedReply>(reply, metrics, route.path);
            if (!route.open) check_key(request, options.api_keys);
            if (stopping && !route.open)
                throw Problem(503, "stopping", "the server is stopping and takes no new requests");
            route.run(*service, request, counted);
        } catch (...) {
            const Problem problem = problem_of(std::current_exception());
            Headers headers;
            if (problem.status == 429) headers = {{"Retry-After", problem.retry_after > 1 ? "30" : "1"}};
            if (problem.status == 401) headers = {{"WWW-Authenticate", "Bearer"}};
            counted->send(problem.status, "application/json", error_body(problem), headers);
        }
    }

    void run(const std::atomic<bool>& stop) {
        using Clock = std::chrono::steady_clock;
        std::optional<Clock::time_point> began;
        bool cancelled = false;
        http->run([&] {
            if (!stop) return;
            if (!began) {
                began = Clock::now();
                stopping = true;
                jobs->cancel_all();
            }
            const bool late = Clock::now() - *began > std::chrono::seconds(options.drain_seconds);
            if (late && !std::exchange(cancelled, true)) worker->cancel_all();
            // Cancelled requests get a moment to receive their reply.
            const bool too_late = Clock::now() - *began > std::chrono::seconds(options.drain_seconds + 5);
            if (http->n_open() == 0 || too_late) http->stop();
        });
    }
};

Server::Server(std::shared_ptr<const Model> model, const EngineOptions& engine, const ServerOptions& options)
    : impl_(std::make_unique<Impl>(std::move(model), engine, options)) {}

Server::~Server() = default;

int Server::port() const noexcept { return impl_->options.port; }
const ServerOptions& Server::options() const noexcept { return impl_->options; }
const std::vector<std::string>& Server::left_out() const noexcept { return impl_->left_out; }
std::vector<std::string> Server::vector_names() const {
    std::vector<std::string> names;
    for (const VectorPointer& vector : impl_->vectors.all()) names.push_back(vector->name);
    return names;
}
void Server::run(const std::atomic<bool>& stop) { impl_->run(stop); }

}  // namespace tiller
