#include "cli/try_model.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

#include "cli/catalogue.h"
#include "cli/child_process.h"
#include "core/escape_controls.h"
#include "core/paths.h"
#include "core/util.h"
#include "engine/digest_cache.h"
#include "engine/model_parts.h"
#include "scoring/temporary_file.h"
#include "tiller/version.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;
constexpr const char* kName = "try-model";

struct Candidate {
    std::vector<fs::path> parts;
    std::uint64_t bytes = 0;
    std::string digest;
};

Candidate candidate_of(const fs::path& model) {
    Candidate c;
    c.parts = engine::model_parts(model);
    for (const auto& part : c.parts) c.bytes += fs::file_size(part);
    c.digest = engine::cached_digest(c.parts, cache_dir());
    return c;
}

// The result depends on weight types and devices (other kernels) and on the engine (other assertions).
fs::path mark_of(const Candidate& c, const Globals& globals) {
    Digest key;
    key.add(c.digest).add(TILLER_ENGINE_VERSION);
    key.add(std::uint64_t{globals.exact}).add(std::uint64_t{globals.gpu_layers != 0});
    return cache_dir() / "tried" / key.hex();
}

bool is_known(const Candidate& c, const Globals& globals) {
    const auto& known = known_models();
    if (!globals.exact && globals.gpu_layers == 0 &&
        std::any_of(known.begin(), known.end(), [&](const auto& m) { return m.sha256 == c.digest; }))
        return true;
    std::error_code error;
    return fs::exists(mark_of(c, globals), error);
}

void remember(const Candidate& c, const Globals& globals) {
    try {
        const fs::path mark = mark_of(c, globals);
        fs::create_directories(mark.parent_path());
        write_file_atomic(mark, "");
    } catch (const std::exception&) {
        // Only a cache: the next start tries again.
    }
}

// Seconds that one of the two steps may take: a slow disk gives 20 MB a second.
int patience(const Candidate& c) { return 8 + static_cast<int>(c.bytes / 20'000'000); }

std::string last_line(const fs::path& file) {
    std::ifstream in(file);
    std::string last;
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) last = line;
    if (last.size() > 300) last.resize(300);
    return escape_line(last);
}

std::string reason(const fs::path& errors) {
    const std::string line = last_line(errors);
    return line.empty() ? "" : ": " + line;
}

[[noreturn]] void refuse(const fs::path& model, const std::string& what) {
    throw Error(
        Code::bad_input,
        fmt::format("{}: the engine cannot compute with this file; {}. Its metadata or tensors are not "
                    "what the architecture expects: convert the model again, or fetch it anew",
                    model.string(), what),
        Topic::model);
}

std::vector<std::string> command_of(const fs::path& model, const Globals& globals) {
    std::vector<std::string> command = {"/proc/self/exe", kName, fs::absolute(model).string()};
    if (globals.exact) command.emplace_back("--exact");
    if (globals.gpu_layers != 0)
        command.insert(command.end(), {"--gpu-layers", fmt::format("{}", globals.gpu_layers)});
    return command;
}

// Throws when the child has shown no sign of life for too long.
class Watch {
public:
    explicit Watch(int seconds) : limit_(seconds) {}
    void saw_life() { since_ = std::chrono::steady_clock::now(); }
    bool is_over() const { return std::chrono::steady_clock::now() - since_ > std::chrono::seconds(limit_); }

private:
    int limit_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

struct TooLong {};

}  // namespace

void try_model(const fs::path& model, const Globals& globals) {
    // With servers the whole command is in such a process already (watched.h), and the model would be sent
    // over the network twice.
    if (!globals.rpc.servers.empty()) return;
    const Candidate candidate = candidate_of(model);
    if (is_known(candidate, globals)) return;
    const TemporaryFile errors("");
    Watch watch(patience(candidate));
    const char* step = "load it";
    ChildProcess child;
    child.command = command_of(model, globals);
    child.folder = "/";
    child.errors = errors.path();
    child.output = [&](std::string_view) {
        watch.saw_life();
        step = "compute four tokens";
    };
    child.tick = [&] {
        if (watch.is_over()) throw TooLong{};
    };
    int code = 0;
    try {
        code = run_child(child);
    } catch (const TooLong&) {
        refuse(model,
               fmt::format("it did not {} within {} s, in a process of its own", step, patience(candidate)));
    }
    if (code == 0) return remember(candidate, globals);
    if (code == 128 + SIGKILL)
        throw Error(
            Code::environment,
            fmt::format("{}: the process that tried this model was killed, which is what happens when "
                        "memory is short; use a smaller model or a stronger quantisation",
                        model.string()),
            Topic::memory);
    if (code > 128)
        refuse(model, fmt::format("it ended the process in which it was tried ({}){}",
                                  ::strsignal(code - 128), reason(errors.path())));
}

void add_try_model(CLI::App& app, Globals& globals) {
    auto path = std::make_shared<std::string>();
    auto* command = app.add_subcommand(kName, "Load a model and compute four tokens");
    command->group("");
    command->add_option("model", *path, "GGUF file")->required();
    add_globals(*command, globals, kEngineFlags & ~kRpcFlag);
    command->callback([path, &globals] {
        // An endless loop in the engine checks no flags, and a core dump of it is of no use.
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
        const rlimit none = {0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        const auto model = load_model(*path, globals);
        print("loaded\n");
        make_engine(model, globals);
    });
}

}  // namespace tiller::cli
