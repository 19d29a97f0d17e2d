#include "cli/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "cli/common.h"
#include "core/system_calls.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
    const int error = errno;
    throw Error(Code::environment, fmt::format("{}: {}", what, error_text(error)));
}

struct Descriptor {
    int fd = -1;
    ~Descriptor() { close(); }
    void close() {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
};

/// The child's process group: ended and reaped whichever way run_child() is left.
class Group {
public:
    explicit Group(pid_t pid) : pid_(pid) {}
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    ~Group() {
        if (ended_) return;
        ::kill(-pid_, SIGTERM);
        for (int i = 0; i < 40 && !has_ended(); ++i) std::this_thread::sleep_for(50ms);
        if (ended_) return;
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
        }
    }
    bool has_ended() {
        if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
        return ended_;
    }
    int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_); }

private:
    pid_t pid_;
    int status_ = 0;
    bool ended_ = false;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

std::vector<std::string> environment_with(const std::vector<std::string>& settings) {
    std::vector<std::string> all = settings;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text = *entry;
        const auto same = [&](const std::string& setting) {
            return text.starts_with(std::string_view(setting).substr(0, setting.find('=') + 1));
        };
        if (std::none_of(settings.begin(), settings.end(), same)) all.emplace_back(text);
    }
    return all;
}

}  // namespace

int run_child(const ChildProcess& child) {
    // All memory is taken before the fork: between fork and exec only signal-safe calls are allowed.
    std::vector<std::string> command = child.command, environment = environment_with(child.settings);
    const auto argv = pointers(command), envp = pointers(environment);
    const std::string folder = child.folder.string();

    Descriptor input{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (input.fd < 0) fail("cannot open /dev/null");
    Descriptor errors{::open(child.errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (errors.fd < 0) fail(fmt::format("cannot write {}", child.errors.string()));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
    Descriptor from_child{ends[0]}, to_parent{ends[1]};

    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) fail(fmt::format("cannot start {}", command[0]));
    if (pid == 0) {
        // A group of its own, so that ending it also ends what it has started; and no orphan if tiller is
        // killed.
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) ::_exit(1);
        ::signal(SIGPIPE, SIG_DFL);
        ::signal(SIGINT, SIG_DFL);
        ::signal(SIGTERM, SIG_DFL);
        if (::dup2(input.fd, 0) < 0 || ::dup2(to_parent.fd, 1) < 0 || ::dup2(errors.fd, 2) < 0) ::_exit(126);
        if (::chdir(folder.c_str()) != 0) ::_exit(126);
        ::execvpe(argv[0], argv.data(), envp.data());
        ::_exit(errno == ENOENT || errno == ENOTDIR ? 127 : 126);
    }
    ::setpgid(pid, pid);  // also here: either process may run first
    Group group(pid);
    to_parent.close();

    const auto begin = std::chrono::steady_clock::now();
    auto next_word = begin + 10s;
    std::vector<char> buffer(1 << 16);
    bool open = true;
    while (open || !group.has_ended()) {
        if (interrupted) throw Error(Code::interrupted, "interrupted");
        if (child.tick) child.tick();
        if (const auto now = std::chrono::steady_clock::now(); child.waiting && now >= next_word) {
            child.waiting(
                static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(now - begin).count()));
            next_word = now + 10s;
        }
        if (!open) {
            std::this_thread::sleep_for(5ms);
            continue;
        }
        pollfd ready{from_child.fd, POLLIN, 0};
        if (::poll(&ready, 1, 100) <= 0) continue;
        const ssize_t n = ::read(from_child.fd, buffer.data(), buffer.size());
        if (n < 0 && errno != EINTR) fail(fmt::format("reading from {} failed", command[0]));
        if (n > 0 && child.output) child.output({buffer.data(), static_cast<std::size_t>(n)});
        if (n == 0) open = false;
    }
    return group.exit_code();
}

}  // namespace tiller::cli
