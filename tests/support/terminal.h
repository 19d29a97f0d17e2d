// Runs the program on a pseudo terminal: what a user at a keyboard sees and presses.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiller::test {

class Terminal {
public:
    Terminal(std::vector<std::string> arguments, const std::filesystem::path& folder, unsigned short columns,
             const std::vector<std::string>& variables = {}) {
        arguments.insert(arguments.begin(), TILLER_PROGRAM);
        std::vector<std::string> environment = {"TERM=xterm", "LC_ALL=C.UTF-8", "HOME=" + folder.string(),
                                                "TILLER_CACHE_DIR=" + (folder / "cache").string()};
        environment.insert(environment.end(), variables.begin(), variables.end());
        std::vector<char*> argv, envp;
        for (auto& a : arguments) argv.push_back(a.data());
        for (auto& e : environment) envp.push_back(e.data());
        argv.push_back(nullptr), envp.push_back(nullptr);
        winsize size = {40, columns, 0, 0};
        pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
        if (pid_ < 0) throw std::runtime_error("forkpty failed");
        if (pid_ == 0) {
            if (::chdir(folder.c_str()) != 0) ::_exit(126);
            ::execve(argv[0], argv.data(), envp.data());
            ::_exit(127);
        }
    }
    ~Terminal() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(fd_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void type(const std::string& keys) const {
        if (::write(fd_, keys.data(), keys.size()) < 0) throw std::runtime_error("the terminal is gone");
    }
    /// Reads until `text` has come since the last call, or nothing more comes (at most half a minute); what
    /// came.
    std::string until(const std::string& text) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (unseen_.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline)
            if (!read_some()) break;
        const auto at = unseen_.find(text);
        const std::string seen = unseen_.substr(0, at == std::string::npos ? at : at + text.size());
        unseen_.erase(0, seen.size());
        return seen;
    }
    /// until(text), a prompt's end, and then until the line editor reads keys: it shows its prompt before it
    /// takes the terminal over, and what is typed between the two is the terminal's.
    std::string prompt(const std::string& text = "> ") {
        std::string seen = until(text);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        for (termios state{}; std::chrono::steady_clock::now() < deadline; ::usleep(1000))
            if (::tcgetattr(fd_, &state) == 0 && (state.c_lflag & ICANON) == 0) break;
        return seen;
    }
    /// Everything up to the program's end, and its exit code (-1: a signal).
    std::string rest(int& code) {
        while (read_some()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return std::move(unseen_);
    }

private:
    bool read_some() {
        pollfd wait = {fd_, POLLIN, 0};
        if (::poll(&wait, 1, 30000) <= 0) return false;
        char buffer[4096];
        const ssize_t n = ::read(fd_, buffer, sizeof buffer);
        if (n <= 0) return false;
        unseen_.append(buffer, static_cast<std::size_t>(n));
        return true;
    }

    int fd_ = -1;
    pid_t pid_ = -1;
    std::string unseen_;
};

}  // namespace tiller::test
