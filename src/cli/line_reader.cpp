#include "cli/line_reader.h"

#include <fmt/format.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <filesystem>

#include "cli/common.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr int kKept = 1000;  // lines

// libedit asks the locale how characters are encoded; a terminal of today sends UTF-8.
void use_utf8() {
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

struct LineReader::Editor {
    EditLine* lines = nullptr;
    History* history = nullptr;
    std::string prompt, history_file;

    sigset_t outside = {};  ///< Signals that were blocked before reading began.

    static Editor& of(EditLine* lines) {
        void* self = nullptr;
        el_get(lines, EL_CLIENTDATA, &self);
        return *static_cast<Editor*>(self);
    }
    static char* prompt_of(EditLine* lines) { return of(lines).prompt.data(); }

    // One character. Signals get in while it waits and at no other time, so that none comes between looking
    // for one and waiting, where it would be lost until the next key.
    static int character_of(EditLine* lines, wchar_t* out) {
        std::mbstate_t state = {};
        for (;;) {
            pollfd wait = {STDIN_FILENO, POLLIN, 0};
            if (::ppoll(&wait, 1, nullptr, &of(lines).outside) < 0) {
                if (errno == EINTR && !interrupted) continue;
                return -1;
            }
            char byte = 0;
            const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return static_cast<int>(n);
            const std::size_t used = std::mbrtowc(out, &byte, 1, &state);
            if (used == static_cast<std::size_t>(-2)) continue;  // more bytes of the character are to come
            if (used == static_cast<std::size_t>(-1)) state = {};
            if (used <= 1) return 1;
        }
    }

    explicit Editor(const std::string& file) : history_file(file) {
        use_utf8();
        lines = el_init("tiller", stdin, stdout, stderr);
        history = history_init();
        if (lines == nullptr || history == nullptr) {
            close();
            throw Error(Code::environment, "the line editor (libedit) did not start; send lines by a pipe");
        }
        HistEvent event;
        ::history(history, &event, H_SETSIZE, kKept);
        ::history(history, &event, H_SETUNIQUE, 1);
        el_set(lines, EL_CLIENTDATA, this);
        el_set(lines, EL_PROMPT, prompt_of);
        el_set(lines, EL_GETCFN, character_of);
        el_set(lines, EL_EDITOR, "emacs");
        el_set(lines, EL_HIST, ::history, history);
        el_set(lines, EL_BIND, "^R", "em-inc-search-prev", nullptr);
        el_source(lines, nullptr);  // the user's own ~/.editrc
        std::error_code none;
        if (!file.empty() && std::filesystem::exists(file, none) &&
            ::history(history, &event, H_LOAD, file.c_str()) < 0) {
            close();
            throw Error(Code::bad_input,
                        fmt::format("{} is no history of typed lines; name another file", file));
        }
    }
    Editor(const Editor&) = delete;
    Editor& operator=(const Editor&) = delete;
    ~Editor() {
        if (!history_file.empty()) {
            const mode_t before = ::umask(077);  // the history is readable by its owner only
            HistEvent event;
            ::history(history, &event, H_SAVE, history_file.c_str());
            ::umask(before);
        }
        close();
    }
    void close() {
        if (history != nullptr) history_end(history);
        if (lines != nullptr) el_end(lines);
    }

    void remember(const std::string& line) {
        HistEvent event;
        ::history(history, &event, H_ENTER, line.c_str());
    }
};

LineReader::LineReader(const std::string& history_file) : interactive_(::isatty(STDIN_FILENO) == 1) {
    if (!history_file.empty()) check_output(history_file);
    if (interactive_ && ::isatty(STDOUT_FILENO) == 1) editor_ = std::make_unique<Editor>(history_file);
}

LineReader::~LineReader() = default;

namespace {

// Byte by byte of standard input's buffer, so that a signal ends the wait.
LineReader::Outcome read_plain(std::string& line) {
    for (;;) {
        errno = 0;
        const int c = std::getc(stdin);
        if (c == '\n') return LineReader::Outcome::line;
        if (c != EOF) {
            line += static_cast<char>(c);
            continue;
        }
        if (std::ferror(stdin) != 0 && errno == EINTR) {
            std::clearerr(stdin);
            return LineReader::Outcome::signal;
        }
        return line.empty() ? LineReader::Outcome::end : LineReader::Outcome::line;
    }
}

void strip_end(std::string& line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
}

}  // namespace

LineReader::Outcome LineReader::read(const std::string& prompt, std::string& line) {
    line.clear();
    if (!editor_) {
        if (interactive_) std::fputs(prompt.c_str(), stderr);
        const Outcome outcome = read_plain(line);
        strip_end(line);
        return outcome;
    }
    editor_->prompt = prompt;
    el_resize(editor_->lines);
    int n = 0;
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, SIGINT);
    sigaddset(&mine, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &mine, &editor_->outside);
    const char* typed = el_gets(editor_->lines, &n);
    ::pthread_sigmask(SIG_SETMASK, &editor_->outside, nullptr);
    if (typed == nullptr && n < 0) {
        const LineInfo* rest = el_line(editor_->lines);
        line.assign(rest->buffer, rest->lastchar);
        el_reset(editor_->lines);
        return Outcome::signal;
    }
    if (typed == nullptr || n == 0) return Outcome::end;
    line.assign(typed, static_cast<std::size_t>(n));
    strip_end(line);
    if (!line.empty()) editor_->remember(line);
    return Outcome::line;
}

}  // namespace tiller::cli
