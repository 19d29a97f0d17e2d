#include "work.h"

#include <chrono>
#include <thread>

namespace tiller::python {
namespace {

// How long Ctrl-C may wait.
constexpr auto kLook = std::chrono::milliseconds(50);

}  // namespace

void Work::progress(const std::string& what, std::size_t done, std::size_t all) {
    const std::lock_guard lock(mutex_);
    news_ = News{what, done, all};
}

void Work::note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(text);
}

void Work::tell() {
    std::optional<News> news;
    std::vector<std::string> notes;
    {
        const std::lock_guard lock(mutex_);
        news.swap(news_);
        notes.swap(notes_);
    }
    if (!note_.is_none())
        for (const auto& text : notes) note_(text_of(text));
    if (news && !listener_.is_none()) listener_(text_of(news->what), news->done, news->all);
}

// Looks at signals until the job is over. The first Python exception stops the job.
void Work::wait_for_end() {
    std::optional<nb::python_error> stop;
    const auto look = [&] {
        if (stop) return;
        const nb::gil_scoped_acquire python;
        try {
            if (PyErr_CheckSignals() != 0) nb::raise_python_error();
            tell();
        } catch (nb::python_error& error) {
            cancel_ = true;
            stop.emplace(std::move(error));
        }
    };
    for (std::unique_lock lock(mutex_); !ended_.wait_for(lock, kLook, [&] { return is_over_; });) {
        lock.unlock();
        look();
        lock.lock();
    }
    look();  // what was said last
    if (stop) {
        const nb::gil_scoped_acquire python;
        throw nb::python_error(std::move(*stop));
    }
}

void Work::run(const std::function<void()>& job) {
    std::exception_ptr failed;
    const nb::gil_scoped_release no_python;
    std::thread worker([&] {
        try {
            job();
        } catch (...) {
            failed = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        is_over_ = true;
        ended_.notify_one();
    });
    std::exception_ptr stopped;
    try {
        wait_for_end();
    } catch (...) {
        stopped = std::current_exception();
    }
    worker.join();
    if (stopped) std::rethrow_exception(stopped);
    if (failed) std::rethrow_exception(failed);
}

}  // namespace tiller::python
