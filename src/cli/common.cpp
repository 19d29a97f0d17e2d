#include "cli/common.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cli/catalogue.h"
#include "cli/hub_model.h"
#include "cli/stream.h"
#include "cli/try_model.h"
#include "core/escape_controls.h"
#include "core/paths.h"
#include "core/shell.h"
#include "core/system_calls.h"
#include "hub/name.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string time_text(double seconds) {
    const int s = static_cast<int>(std::lround(seconds));
    return s < 60     ? fmt::format("{} s", s)
           : s < 3600 ? fmt::format("{} min {:02} s", s / 60, s % 60)
                      : fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

std::string typed_command(const CLI::App& command, const std::string& without) {
    std::string text = "tiller " + command.get_name();
    for (const auto* option : command.get_options())
        for (const auto& value : option->results()) {
            if (option->get_name() == without) break;
            text += " " + option->get_name();
            const bool is_flag = option->get_items_expected_max() == 0;
            if (!is_flag)
                text += " " + shell_word(value);
            else if (value != "true")
                text += "=" + shell_word(value);
        }
    return text;
}

void add_globals(CLI::App& command, Globals& g, unsigned flags) {
    const auto has = [&](GlobalFlag flag) { return (flags & flag) != 0; };
    const auto shared = [](CLI::Option* option) { option->group("Global"); };
    if (has(kThreadsFlag))
        shared(command.add_option("--threads", g.threads, "Threads (0 = all cores)")
                   ->check(CLI::Range(0, 1024))
                   ->capture_default_str());
    if (has(kSeedFlag))
        shared(command.add_option("--seed", g.seed, "Seed of splits, prompts and sampling")
                   ->capture_default_str());
    if (has(kCacheFlag)) {
        shared(command.add_option("--cache-type", g.cache_type, "Key/value cache: f16 or f32")
                   ->check(CLI::IsMember({"f16", "f32"}))
                   ->capture_default_str());
        shared(command
                   .add_flag("--exact", g.exact,
                             "Float32 throughout: weights, activations and key/value cache (slower; 4 bytes "
                             "a parameter)")
                   ->excludes("--cache-type"));
    }
    if (has(kGpuFlag))
        shared(command.add_option("--gpu-layers", g.gpu_layers, "Layers on the GPU (-1 = all)")
                   ->check(CLI::Range(-1, 100000))
                   ->capture_default_str());
    if (has(kRpcFlag)) {
        auto* servers = command.add_option_function<std::string>(
            "--rpc", [&g](const std::string& list) { g.rpc.servers = rpc_addresses(list); },
            "Servers that hold the layers, host:port,host:port (ggml-rpc-server): models over several "
            "machines");
        shared(servers->type_name("TEXT"));
        shared(command
                   .add_flag("--insecure-rpc", g.rpc.insecure,
                             "Allow --rpc servers beyond this machine's loopback, without any protection")
                   ->needs(servers));
    }
    if (has(kRowsFlag))
        shared(command.add_option("--rows", g.rows, "Rows in flight at most")
                   ->check(CLI::Range(1, 256))
                   ->capture_default_str());
    if (has(kJsonFlag)) shared(command.add_flag("--json", g.json, "JSON on standard output, nothing else"));
    if (has(kQuietFlag)) shared(command.add_flag("--quiet", g.quiet, "No progress on standard error"));
}

std::filesystem::path usable_model(const std::string& name_or_path, const Globals& globals) {
    auto file = hub::is_name(name_or_path) ? hub_model(name_or_path, globals) : resolve_model(name_or_path);
    try_model(file, globals);
    return file;
}

std::shared_ptr<const Model> open_model(const std::string& name_or_path, const Globals& globals,
                                        ControlNames control_names) {
    return load_model(usable_model(name_or_path, globals), globals, control_names);
}

std::shared_ptr<const Model> load_model(const std::filesystem::path& file, const Globals& globals,
                                        ControlNames control_names) {
    ModelOptions options;
    options.control_names = control_names;
    options.n_gpu_layers = globals.gpu_layers;
    options.rpc = globals.rpc;
    options.progress = [](float) { return !interrupted.load(); };
    options.weights = weights_of(globals);
    options.cache_dir = cache_dir();
    options.trim_memory = true;
    return Model::load(file, options);
}

Weights weights_of(const Globals& globals) {
    if (globals.exact && !globals.rpc.servers.empty())
        throw Error(
            Code::usage,
            "--exact is for this machine's processor: how a server rounds is not known; leave --rpc or "
            "--exact out");
    if (globals.exact && globals.gpu_layers != 0)
        throw Error(Code::usage,
                    "--exact is for the processor: a GPU rounds as it likes; leave --gpu-layers out");
    return globals.exact ? Weights::float32 : Weights::file;
}

EngineOptions engine_options(const Globals& globals) {
    EngineOptions options;
    options.n_threads = globals.threads;
    options.cache_f32 = globals.exact || globals.cache_type == "f32";
    options.max_rows = globals.rows;
    // On a GPU flash attention is the fast way; on the CPU it is three times slower (docs/performance.md).
    // A server does not say which of them it has, and the slow way is exact on both.
    options.flash_attention = globals.gpu_layers != 0 && globals.rpc.servers.empty();
    return options;
}

Engine make_engine(std::shared_ptr<const Model> model, const Globals& globals) {
    return Engine(std::move(model), engine_options(globals));
}

void say_memory(const MemoryNeed& need, const Globals& globals) {
    require_memory(need);
    note(globals, memory_text(need));
}

Error own_numbers_broken(const ModelInfo& info) {
    return {
        Code::bad_input,
        fmt::format(
            "{} ({}) gives NaN or infinity on this prompt without any vector: its weights or metadata are "
            "damaged, or its quantisation overflows; fetch the model anew, or try a float32 cache",
            info.path.string(), info.name),
        Topic::cache_type};
}

void check_output(const std::string& path) {
    const auto folder = std::filesystem::absolute(path).parent_path();
    std::error_code ec;
    if (!std::filesystem::is_directory(folder, ec))
        throw Error(Code::environment, fmt::format("the folder of {} does not exist; make it first", path));
    if (std::filesystem::is_directory(path, ec))
        throw Error(Code::environment, fmt::format("{} is a folder; name a file", path));
    if (::access(folder.c_str(), W_OK) != 0)
        throw Error(Code::environment,
                    fmt::format("the folder of {} cannot be written: {}", path, error_text(errno)));
}

ProgressLine::ProgressLine(const std::string& what, bool quiet)
    : what_(escape_controls(what)),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begin_(now()),
      last_(terminal_ ? 0 : begin_) {}

ProgressLine::~ProgressLine() {
    if (terminal_ && shown_) std::fputs("\r\033[K", stderr);
    // A log tells how far a step came.
    if (!terminal_ && !unshown_.empty()) std::fputs((unshown_ + "\n").c_str(), stderr);
}

void ProgressLine::update(std::size_t done, std::size_t all) {
    if (quiet_ || all == 0) return;
    constexpr double kOnTerminal = 0.2, kInLog = 60;  // seconds between lines
    const double t = now();
    const double elapsed = t - begin_;
    const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
    std::string text = fmt::format("{}  {}/{}", what_, done, all);
    if (rate > 0 && elapsed > 0.2 && done < all)
        text += fmt::format("  {:.1f}/s  {} left", rate, time_text(static_cast<double>(all - done) / rate));
    else if (done == all)
        text += fmt::format("  {}", time_text(elapsed));
    if (done < all && t - last_ < (terminal_ ? kOnTerminal : kInLog)) {
        unshown_ = std::move(text);
        return;
    }
    last_ = t;
    unshown_.clear();
    std::fputs((terminal_ ? "\r\033[K" + text : text + "\n").c_str(), stderr);
    std::fflush(stderr);
    shown_ = true;
}

void ProgressSteps::update(const std::string& step, std::size_t done, std::size_t all) {
    if (!line_ || step != step_) {
        line_.reset();
        line_.emplace(step, quiet_);
        step_ = step;
    }
    line_->update(done, all);
}

namespace {

void write_out(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
    if (errno == EPIPE) return;  // the reader has seen enough
    throw Error(Code::environment, fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

}  // namespace

void print(const std::string& text) { write_out(escape_controls(text)); }
void print_styled(const std::string& text) { write_out(text); }
void print_data(const std::string& text) { write_out(as_data(text)); }
std::string as_data(const std::string& text) { return prints_to_terminal() ? escape_controls(text) : text; }

void note(const Globals& globals, const std::string& text) {
    if (!globals.quiet) warn(text);
}

void warn(const std::string& text) { std::fputs((escape_controls(text) + "\n").c_str(), stderr); }

}  // namespace tiller::cli
