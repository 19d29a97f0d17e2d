// The program's table of contents: flags, commands, exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/common.h"
#include "cli/hints.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::cli {

std::atomic<bool> interrupted = false;

namespace {

void on_signal(int) {
    // A second signal means it: the default action ends the process.
    interrupted = true;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

int report_error(const Globals& globals, Code code, const std::string& message) {
    if (globals.json)
        std::fputs((nlohmann::json{{"error", {{"code", code_name(code)}, {"message", message}}}}.dump(
                        -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                    "\n")
                       .c_str(),
                   stderr);
    else
        std::fputs(fmt::format("tiller: {}\n", message).c_str(), stderr);
    return exit_code(code);
}

int run(int argc, char** argv) {
    Globals globals;
    CLI::App app{
        "tiller extracts steering vectors from language models, applies them, and compares them honestly."};
    app.set_version_flag("--version",
                         fmt::format("tiller {} (engine {})", TILLER_VERSION, TILLER_ENGINE_VERSION));
    app.require_subcommand(0, 1);
    app.footer(
        "Start here:  tiller models get gemma3-270m && tiller compare\n"
        "Exit codes:  0 ok, 2 usage, 3 bad input, 4 environment (memory, disk, missing model), 130 "
        "interrupted");
    for (AddCommand add : {add_compare, add_extract, add_generate, add_chat, add_next, add_eval, add_show,
                           add_read, add_combine, add_export, add_report, add_tasks, add_models, add_cache,
                           add_doctor, add_bench, add_sweep, add_heads})
        add(app, globals);
    try {
        app.parse(argc, argv);
        if (app.get_subcommands().empty()) print(app.help());
        return 0;
    } catch (const CLI::ParseError& e) {
        std::ostringstream out;
        const bool asked = app.exit(e, out, std::cerr) == 0;  // --help, --version
        try {
            print(out.str());
        } catch (const Error& error) {
            return report_error(globals, error.code(), error.what());
        }
        return asked ? 0 : exit_code(Code::usage);
    } catch (const Error& e) {
        return report_error(globals, e.code(), e.what() + hint_of(app, e.topic()));
    } catch (const std::bad_alloc&) {
        return report_error(globals, Code::environment,
                            "out of memory; use fewer rows or a smaller model" + hint_of(app, Topic::rows));
    } catch (const std::exception& e) {
        return report_error(globals, Code::environment, e.what());
    }
}

}  // namespace
}  // namespace tiller::cli

int main(int argc, char** argv) {
    // The engine would start a debugger to print a backtrace when it aborts.
    ::setenv("GGML_NO_BACKTRACE", "1", 0);
    std::signal(SIGINT, tiller::cli::on_signal);
    std::signal(SIGTERM, tiller::cli::on_signal);
    std::signal(SIGPIPE, SIG_IGN);
    return tiller::cli::run(argc, argv);
}
