// The program's table of contents: flags, commands, exit codes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/common.h"
#include "cli/help.h"
#include "cli/hints.h"
#include "cli/hub_model.h"
#include "cli/try_model.h"
#include "cli/watched.h"
#include "tiller/backends.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::cli {

std::atomic<bool> interrupted = false;

namespace {

constexpr std::string_view kOutOfMemory = "out of memory; use fewer rows or a smaller model";

// In the order of the help. A new command is listed only here.
constexpr CommandEntry kCommands[] = {
    {add_chat, "chat", "Ask a model", "tiller chat -m gemma3-270m --vector V.gguf:0.7"},
    {add_generate, "generate", "Ask a model",
     "tiller generate -m gemma3-270m -p 'The film was' --vector V.gguf --compare"},
    {add_next, "next", "Ask a model", "tiller next -m gemma3-270m -p 'The capital of Peru is' --top 5"},
#ifdef TILLER_WITH_SERVER
    {add_serve, "serve", "Ask a model", "tiller serve -m gemma3-270m --vectors FOLDER"},
#endif
    {add_compare, "compare", "Find out what works", "tiller compare -m gemma3-270m -t antonym -o runs/first"},
    {add_eval, "eval", "Find out what works", "tiller eval -m gemma3-270m -t antonym --vector V.gguf"},
    {add_sweep, "sweep", "Find out what works", "tiller sweep -m gemma3-270m -t antonym -o runs/sweep"},
    {add_heads, "heads", "Find out what works",
     "tiller heads -m gemma3-270m -t antonym -t present-past -o runs/heads"},
    {add_report, "report", "Find out what works", "tiller report runs/first"},
    {add_task, "task", "Find out what works", "tiller task new words.csv -o words.json"},
    {add_plan, "plan", "Share work among machines", "tiller plan studies/full.toml --time"},
    {add_submit, "submit", "Share work among machines",
     "tiller submit --slurm -N 16 --plan studies/full.toml -o runs/full"},
    {add_status, "status", "Share work among machines", "tiller status runs/full"},
    {add_merge, "merge", "Share work among machines", "tiller merge runs/full"},
    {add_extract, "extract", "Make vectors", "tiller extract mean-diff -m gemma3-270m -t sentiment_transfer"},
    {add_combine, "combine", "Make vectors", "tiller combine A.gguf B.gguf:-0.5 -o C.gguf"},
    {add_export, "export", "Make vectors", "tiller export V.gguf --to llama.cpp -o for-llama.gguf"},
    {add_show, "show", "Look into them", "tiller show V.gguf"},
    {add_inspect, "inspect", "Look into them", "tiller inspect V.gguf -m gemma3-270m -p 'The film was'"},
    {add_read, "read", "Look into them", "tiller read V.gguf -m gemma3-270m --top 10"},
    {add_doctor, "doctor", "Models, data and this machine", "tiller doctor -m gemma3-270m"},
    {add_models, "models", "Models, data and this machine", "tiller models get gemma3-270m"},
    {add_tasks, "tasks", "Models, data and this machine", "tiller tasks antonym"},
    {add_cache, "cache", "Models, data and this machine", "tiller cache clean"},
    {add_bench, "bench", "Models, data and this machine", "tiller bench -m gemma3-270m"},
    {add_completion, "completion", "This program", "source <(tiller completion bash)"},
    {add_manual, "manual", "This program", "tiller manual -o man && man -l man/tiller-chat.1"},
};

double seconds_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// In a watched process: a signal of the terminal comes twice, from there and from the parent.
void on_watched_signal(int signal) {
    static double first = 0;
    if (!interrupted.exchange(true))
        first = seconds_now();
    else if (seconds_now() - first > 0.5) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

void on_signal(int) {
    // A second signal has the default action, which ends the process at once.
    interrupted = true;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

int report_error(const Globals& globals, Code code, const std::string& message) {
    if (globals.json)
        warn(nlohmann::json{{"error", {{"code", code_name(code)}, {"message", message}}}}.dump(
            -1, ' ', false, nlohmann::json::error_handler_t::replace));
    else
        warn("tiller: " + message);
    return exit_code(code);
}

// Empty lists are not shown as defaults.
void tidy_defaults(CLI::App& command) {
    for (auto* option : command.get_options())
        if (option->get_default_str() == "[]") option->default_str("");
    for (auto* below : command.get_subcommands({})) tidy_defaults(*below);
}

void add_commands(CLI::App& app, Globals& globals) {
    app.formatter(help_format());
    app.option_defaults()->always_capture_default();
    for (const CommandEntry& entry : commands()) {
        entry.add(app, globals);
        app.get_subcommand(entry.name)->group(entry.group);
    }
    add_try_model(app, globals);
    tidy_defaults(app);
}

// Versions of program and engine, and the backends. Made only when asked for, because it starts the engine.
std::string version_text() {
    std::string text = fmt::format("tiller {} (engine {})\n", TILLER_VERSION, TILLER_ENGINE_VERSION);
    for (const Backend& backend : backends())
        text += fmt::format("{}{}: {}\n  kernels: {}\n", backend.name,
                            backend.library.empty() ? "" : " (" + backend.library + ")",
                            fmt::join(backend.devices, ", "), fmt::join(backend.features, " "));
    text.pop_back();
    return text;
}

// --help and --version arrive as exceptions with a text to print; all others are usage errors.
int answer_parser(const CLI::App& app, const Globals& globals, const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return report_error(globals, Code::usage, usage_message(app, error));
    std::ostringstream out;
    app.exit(error, out, std::cerr);
    try {
        print(out.str());
        return 0;
    } catch (const Error& unprinted) {
        return report_error(globals, unprinted.code(), unprinted.what());
    }
}

/// The program's work was done by a child, which ended with this code.
struct Done {
    int code;
};

// When all words are read and nothing is done yet.
void prepare_servers(const CLI::App& app, Globals& globals, char** argv) {
    if (globals.rpc.servers.empty()) return;
    if (globals.gpu_layers == 0) globals.gpu_layers = -1;
    if (!is_watched()) throw Done{run_watched(typed_app(app), globals, argv)};
    std::signal(SIGINT, on_watched_signal);
    std::signal(SIGTERM, on_watched_signal);
}

// Where memory runs out while an exception or a destructor frees what was taken, C++ ends the process: the
// JSON library's destructor takes memory. Such an end is no crash, and what a run has finished is on disk.
[[noreturn]] void on_terminate() noexcept {
    try {
        if (const auto error = std::current_exception()) std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
        for (const std::string_view text :
             {std::string_view("tiller: "), kOutOfMemory, std::string_view("\n")})
            [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());
        ::_exit(exit_code(Code::environment));
    } catch (...) {
    }
    std::abort();
}

int run(int argc, char** argv) {
    Globals globals;
    CLI::App app{
        "tiller extracts steering vectors from language models, applies them, and compares them honestly.",
        "tiller"};
    app.set_version_flag("--version", version_text);
    app.require_subcommand(0, 1);
    add_commands(app, globals);
    app.parse_complete_callback([&] { prepare_servers(app, globals, argv); });
    // After the commands, which would inherit it.
    app.footer(
        "Start here:  tiller models get gemma3-270m && tiller compare\n"
        "Each command has its own help: tiller COMMAND --help\n"
        "Exit codes:  0 ok, 2 usage, 3 bad input, 4 environment (memory, disk, missing model), 130 "
        "interrupted");
    try {
        std::vector<std::string> words = words_of(argc, argv);
        std::reverse(words.begin(), words.end());  // as CLI11 wants them
        app.parse(std::move(words));
        if (app.get_subcommands().empty()) print(app.help());
        return 0;
    } catch (const Done& done) {
        return done.code;
    } catch (const CLI::ParseError& e) {
        return answer_parser(app, globals, e);
    } catch (const Error& e) {
        return report_error(globals, e.code(), e.what() + hint_of(app, e.topic()));
    } catch (const std::bad_alloc&) {
        return report_error(globals, Code::environment,
                            std::string(kOutOfMemory) + hint_of(app, Topic::rows));
    } catch (const std::exception& e) {
        return report_error(globals, Code::environment, e.what());
    }
}

}  // namespace

std::span<const CommandEntry> commands() { return kCommands; }

}  // namespace tiller::cli

int main(int argc, char** argv) {
    std::set_terminate(tiller::cli::on_terminate);
    // The engine would start a debugger to print a backtrace when it aborts.
    ::setenv("GGML_NO_BACKTRACE", "1", 0);
    std::signal(SIGINT, tiller::cli::on_signal);
    std::signal(SIGTERM, tiller::cli::on_signal);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit (ulimit -f) is an error of write(), as a full disk
    return tiller::cli::run(argc, argv);
}
