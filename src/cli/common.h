// What all commands share: global flags, opening models, progress, output.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tiller/engine.h"
#include "tiller/error.h"
#include "tiller/vector.h"

namespace tiller::cli {

/// Flags that several commands take.
struct Globals {
    int threads = 0;  ///< 0 = all cores.
    std::uint64_t seed = 0;
    std::string cache_type = "f16";
    bool exact = false;  ///< Float32 weights, activations and cache.
    int gpu_layers = 0;  ///< With --rpc all, unless said otherwise.
    RpcOptions rpc;
    int rows = 64;
    bool json = false;
    bool quiet = false;
    bool force = false;
};

/// Set by SIGINT and SIGTERM; engines stop at their next decode.
extern std::atomic<bool> interrupted;

/// A command adds its flags to the program and returns nothing; its callback does the work and throws
/// tiller::Error.
using AddCommand = void (*)(CLI::App&, Globals&);
void add_compare(CLI::App&, Globals&);
void add_extract(CLI::App&, Globals&);
void add_generate(CLI::App&, Globals&);
void add_chat(CLI::App&, Globals&);
void add_next(CLI::App&, Globals&);
void add_eval(CLI::App&, Globals&);
void add_show(CLI::App&, Globals&);
void add_read(CLI::App&, Globals&);
void add_inspect(CLI::App&, Globals&);
void add_export(CLI::App&, Globals&);
void add_combine(CLI::App&, Globals&);
void add_report(CLI::App&, Globals&);
void add_plan(CLI::App&, Globals&);
void add_submit(CLI::App&, Globals&);
void add_status(CLI::App&, Globals&);
void add_merge(CLI::App&, Globals&);
void add_tasks(CLI::App&, Globals&);
void add_task(CLI::App&, Globals&);
void add_models(CLI::App&, Globals&);
void add_cache(CLI::App&, Globals&);
void add_bench(CLI::App&, Globals&);
void add_doctor(CLI::App&, Globals&);
void add_sweep(CLI::App&, Globals&);
void add_heads(CLI::App&, Globals&);
void add_serve(CLI::App&, Globals&);
void add_completion(CLI::App&, Globals&);
void add_manual(CLI::App&, Globals&);

/// Which global flags a command has: those that change what it does.
enum GlobalFlag : unsigned {
    kThreadsFlag = 1,  ///< --threads
    kSeedFlag = 2,     ///< --seed
    kCacheFlag = 4,    ///< --cache-type, --exact
    kGpuFlag = 8,      ///< --gpu-layers
    kRowsFlag = 16,    ///< --rows
    kJsonFlag = 32,    ///< --json
    kQuietFlag = 64,   ///< --quiet
    kRpcFlag = 128,    ///< --rpc, --insecure-rpc
    kEngineFlags = kThreadsFlag | kCacheFlag | kGpuFlag | kRpcFlag,
    kAllFlags = kEngineFlags | kSeedFlag | kRowsFlag | kJsonFlag | kQuietFlag,
};
/// Adds these global flags (of GlobalFlag) to a command, so that they may follow its name.
void add_globals(CLI::App& command, Globals& globals, unsigned flags = kAllFlags);

/// The command line that repeats `command` with its options, quoted for a shell:
/// "tiller compare --out 'my run' --json"; an option named `without` is left out.
std::string typed_command(const CLI::App& command, const std::string& without = "");

/// The file of a model given by known name (see catalogue.h), by its name on a hub (hub_model.h) or by path,
/// once it is known that the engine can compute with it (see try_model.h).
std::filesystem::path usable_model(const std::string& name_or_path, const Globals& globals);
/// Loads a model file.
std::shared_ptr<const Model> load_model(const std::filesystem::path& file, const Globals& globals,
                                        ControlNames control_names = ControlNames::refuse);
/// usable_model(), then load_model(): what commands do with -m.
std::shared_ptr<const Model> open_model(const std::string& name_or_path, const Globals& globals,
                                        ControlNames control_names = ControlNames::refuse);
/// What weights are computed with. Throws usage (--exact on a GPU or a server).
Weights weights_of(const Globals& globals);
/// The engine's options that the global flags ask for.
EngineOptions engine_options(const Globals& globals);
Engine make_engine(std::shared_ptr<const Model> model, const Globals& globals);

/// Prints the memory that the work will need (Engine::memory_need); throws environment when there is less.
void say_memory(const MemoryNeed& need, const Globals& globals);

/// What to throw when a model gives NaN or infinity without any edit.
Error own_numbers_broken(const ModelInfo& info);

/// Throws environment when no file can be written at `path`: before minutes of work, not after.
void check_output(const std::string& path);
/// "40 s", "3 min 05 s", "2 h 10 min".
std::string time_text(double seconds);

/// A progress line on standard error: what, done/all, rate, time left. Silent with --quiet. Where standard
/// error is no terminal, a plain line a minute, and one when it ends.
class ProgressLine {
public:
    ProgressLine(const std::string& what, bool quiet);
    ~ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    void update(std::size_t done, std::size_t all);

private:
    std::string what_;
    bool quiet_, terminal_, shown_ = false;
    double begin_, last_;
    std::string unshown_;  ///< The newest text, if it was not printed yet.
};

/// One progress line for each step of long work; a step's line stays when it is done, so that the log tells
/// where time went.
class ProgressSteps {
public:
    explicit ProgressSteps(bool quiet) : quiet_(quiet) {}
    void update(const std::string& step, std::size_t done, std::size_t all);
    /// Ends the line that is being shown.
    void clear() { line_.reset(); }

private:
    bool quiet_;
    std::optional<ProgressLine> line_;
    std::string step_;
};

/// Text to standard output, checked: throws environment when it cannot be written (a closed pipe is no
/// error). Control characters, which may come from files and models, are escaped (core/escape_controls.h).
void print(const std::string& text);
/// As print(), but keeps escape sequences (colours): the caller escapes text from files and models.
void print_styled(const std::string& text);
/// As print(), for what a program reads as it is (generated text, CSV, scripts): escaped on a terminal only.
void print_data(const std::string& text);
/// The text that print_data() would print, for callers that need its width.
std::string as_data(const std::string& text);
/// A line to standard error unless --quiet; escaped as by print().
void note(const Globals& globals, const std::string& text);
/// A warning on standard error, also with --quiet: for results that would mislead without it.
void warn(const std::string& text);

}  // namespace tiller::cli
