#include "cli/watched.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/system_calls.h"
#include "engine/rpc_probe.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr const char* kParent = "TILLER_WATCHED_BY";

std::atomic<pid_t> child = 0;
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler reads it");

// The terminal sends its signals to both processes, others only to this one. The child takes two of them
// within half a second for one (main.cpp).
void forward(int signal) {
    if (const pid_t pid = child.load()) ::kill(pid, signal);
}

/// Signals that a user ends programs with: held back until the child is there, then forwarded to it.
class Signals {
public:
    Signals() {
        sigemptyset(&mine_);
        for (const int signal : kAll) sigaddset(&mine_, signal);
        ::pthread_sigmask(SIG_BLOCK, &mine_, &before_);
    }
    ~Signals() { release(); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    void forward_to(pid_t pid) {
        child = pid;
        struct sigaction action = {};
        sigemptyset(&action.sa_mask);
        action.sa_handler = forward;
        for (const int signal : kAll) ::sigaction(signal, &action, nullptr);
        release();
    }
    void release() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    static constexpr int kAll[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t mine_, before_;
};

[[noreturn]] void become_child(pid_t parent, char** argv, Signals& signals) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // no orphan if this process is killed
    if (::getppid() != parent) ::_exit(1);
    const rlimit none = {0, 0};  // an abort of the engine is expected here, and its memory is large
    ::setrlimit(RLIMIT_CORE, &none);
    signals.release();
    ::execv("/proc/self/exe", argv);
    ::_exit(126);
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    child = 0;
    return status;
}

/// One line for each server that does not answer; empty when all do.
std::string silent_servers(const RpcOptions& rpc) {
    std::string lines;
    for (const auto& address : rpc.servers) {
        std::string wrong;
        try {
            wrong = engine::complaint_of(engine::resolve(address));
        } catch (const Error& error) {
            wrong = error.what();
        }
        if (!wrong.empty()) lines += fmt::format("\n  {} {}", address.text(), wrong);
    }
    return lines;
}

/// How to go on: commands that keep a journal go on in their folder.
std::string next_step(const CLI::App& command) {
    const std::string& name = command.get_name();
    const auto* out = command.get_option_no_throw("--out");
    const bool keeps = name == "compare" || name == "sweep" || name == "heads";
    std::error_code error;
    if (keeps && out && std::filesystem::is_directory(out->as<std::string>(), error))
        return fmt::format("Finished work is in {}, nothing of it is lost; go on with\n  {}",
                           out->as<std::string>(), typed_command(command));
    return "Nothing was kept; run the same command again";
}

[[noreturn]] void report(const CLI::App& command, const Globals& globals, int signal) {
    if (signal == SIGKILL)
        throw Error(Code::environment,
                    fmt::format("the process that computes was killed, which is what happens when memory is "
                                "short. {}",
                                next_step(command)),
                    Topic::memory);
    const std::string silent = silent_servers(globals.rpc);
    const std::string what =
        fmt::format("the engine ended the process that computes ({}", ::strsignal(signal));
    if (!silent.empty())
        throw Error(Code::environment,
                    fmt::format("{}), because a server went away:{}\nStart it again on its machine. {}", what,
                                silent, next_step(command)));
    throw Error(Code::environment,
                fmt::format("{}; the reason stands above). All servers answer now: the connection to one was "
                            "lost, or the engine cannot compute with this model file. {}",
                            what, next_step(command)));
}

}  // namespace

bool is_watched() {
    const char* text = std::getenv(kParent);
    if (!text) return false;
    pid_t parent = 0;
    std::from_chars(text, text + std::strlen(text), parent);
    return parent == ::getppid();
}

int run_watched(const CLI::App& command, const Globals& globals, char** argv) {
    const pid_t parent = ::getpid();
    // Before the fork, because only signal-safe calls are allowed after it.
    ::setenv(kParent, fmt::format("{}", parent).c_str(), 1);
    Signals signals;
    const pid_t pid = ::fork();
    if (pid < 0) throw Error(Code::environment, fmt::format("cannot start a process: {}", error_text(errno)));
    if (pid == 0) become_child(parent, argv, signals);
    signals.forward_to(pid);
    const int status = wait_for(pid);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int signal = WTERMSIG(status);
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) return 128 + signal;
    report(command, globals, signal);
}

}  // namespace tiller::cli
