// Runs the program as a user would: its own process, its exit code, what it wrote where.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace tiller::test {

inline std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct ProgramOptions {
    std::filesystem::path folder;  ///< Working directory; empty = the test's own.
    std::string standard_input;    ///< A file to read from; empty = the test's own.
    std::string standard_output;   ///< A file to write to, like /dev/full; empty = captured.
    std::map<std::string, std::string> environment = {};
    rlim_t file_limit = RLIM_INFINITY;  ///< Bytes that a file may have; more fails as a full disk does.
    bool ignores_file_limit = true;  ///< The signal that comes with it is ignored before the program starts.
    rlim_t memory_limit = RLIM_INFINITY;  ///< Bytes of address space that the program may have.
    uid_t uid = 0;                        ///< Not 0: the process drops to this user.
    bool closed_output = false;           ///< Standard output is a pipe whose reader has gone.
};

struct ProgramResult {
    int code = -1;   ///< Exit code; -1 when a signal ended the process.
    int signal = 0;  ///< That signal.
    std::string out, err;
};

/// A running program. The destructor kills what still runs.
class Program {
public:
    explicit Program(std::vector<std::string> arguments, const ProgramOptions& options = {}) {
        std::string name = (std::filesystem::temp_directory_path() / "tiller-run-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        scratch_ = name;
        arguments.insert(arguments.begin(), TILLER_PROGRAM);
        std::vector<char*> argv, envp;
        for (auto& a : arguments) argv.push_back(a.data());
        argv.push_back(nullptr);
        // Threads of several tests share the cores: waiting must not take a core.
        std::map<std::string, std::string> variables = {{"OMP_WAIT_POLICY", "passive"},
                                                        {"TILLER_CACHE_DIR", (scratch_ / "cache").string()}};
        for (const char* kept : {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                 "LLVM_PROFILE_FILE"})
            if (const char* value = std::getenv(kept)) variables[kept] = value;
        for (const auto& [key, value] : options.environment) variables[key] = value;
        std::vector<std::string> pairs;
        for (const auto& [key, value] : variables) pairs.push_back(key + "=" + value);
        for (auto& pair : pairs) envp.push_back(pair.data());
        envp.push_back(nullptr);
        const std::string out =
            options.standard_output.empty() ? (scratch_ / "out").string() : options.standard_output;
        const std::string err = (scratch_ / "err").string();
        int pipe[2] = {-1, -1};
        if (options.closed_output) {
            if (::pipe(pipe) != 0) throw std::runtime_error("pipe failed");
            ::close(pipe[0]);
        }
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ == 0) {  // only what is safe after a fork of a program with threads
            const int out_fd =
                options.closed_output ? pipe[1] : ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
            const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
            const int in_fd =
                options.standard_input.empty() ? 0 : ::open(options.standard_input.c_str(), O_RDONLY);
            if (in_fd < 0 || ::dup2(in_fd, 0) < 0) ::_exit(126);
            if (out_fd < 0 || err_fd < 0 || ::dup2(out_fd, 1) < 0 || ::dup2(err_fd, 2) < 0) ::_exit(126);
            if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
            if (options.file_limit != RLIM_INFINITY) {
                const rlimit limit{options.file_limit, options.file_limit};
                if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
                ::signal(SIGXFSZ, options.ignores_file_limit ? SIG_IGN : SIG_DFL);
            }
            if (options.memory_limit != RLIM_INFINITY) {
                const rlimit limit{options.memory_limit, options.memory_limit};
                if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(126);
            }
            if (options.uid != 0 &&
                (::setgroups(0, nullptr) != 0 || ::setgid(options.uid) != 0 || ::setuid(options.uid) != 0))
                ::_exit(126);
            ::execve(argv[0], argv.data(), envp.data());
            ::_exit(127);
        }
        if (options.closed_output) ::close(pipe[1]);
    }
    ~Program() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        std::error_code ec;
        std::filesystem::remove_all(scratch_, ec);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void send(int signal) const {
        if (pid_ > 0) ::kill(pid_, signal);
    }
    /// Waits for its end. A program that hangs is killed after a minute.
    ProgramResult wait() {
        ProgramResult result;
        int status = 0;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (::waitpid(pid_, &status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        pid_ = -1;
        if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
        result.out = slurp(scratch_ / "out");
        result.err = slurp(scratch_ / "err");
        return result;
    }

private:
    std::filesystem::path scratch_;
    pid_t pid_ = -1;
};

inline ProgramResult run_program(std::vector<std::string> arguments, const ProgramOptions& options = {}) {
    return Program(std::move(arguments), options).wait();
}

}  // namespace tiller::test
