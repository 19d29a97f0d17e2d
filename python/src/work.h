// Long work in a thread of its own, while the calling thread looks for Ctrl-C and tells Python how far it is.
// The engine's thread never calls Python, so it never waits for the interpreter's lock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.h"

namespace tiller::python {

class Work {
public:
    /// `listener` is None or a callable (what, done, all), called in the calling thread about ten times a
    /// second while there is news; `note` is None or a callable (text), called for every remark.
    explicit Work(nb::object listener = nb::none(), nb::object note = nb::none())
        : listener_(std::move(listener)), note_(std::move(note)) {}

    /// For Engine::cancel_with() and StudyHost::cancel.
    const std::atomic<bool>* cancel() const { return &cancel_; }

    /// From the working thread.
    void progress(const std::string& what, std::size_t done, std::size_t all);
    void note(const std::string& text);

    /// Runs `job` in a thread of its own with the interpreter's lock released and returns when it has ended.
    /// An exception of a signal handler (KeyboardInterrupt) or of a callable sets cancel(), and is thrown
    /// once the job has stopped, in place of what the job threw. Call it with the interpreter's lock held.
    void run(const std::function<void()>& job);

private:
    struct News {
        std::string what;
        std::size_t done = 0, all = 0;
    };
    void tell();  // with the interpreter's lock; throws nb::python_error
    void wait_for_end();

    nb::object listener_, note_;
    std::atomic<bool> cancel_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    bool is_over_ = false;
    std::optional<News> news_;
    std::vector<std::string> notes_;
};

}  // namespace tiller::python
