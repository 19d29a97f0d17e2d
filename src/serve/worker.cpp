#include "serve/worker.h"

#include <algorithm>
#include <chrono>

#include "tiller/error.h"

namespace tiller::serve {
namespace {

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

struct Worker::Live {
    Submission submission;
    std::vector<RowId> ids;
    std::size_t n_left = 0;
    bool over = false;  ///< Failed or ended: its functions are not called any more.
};

Worker::Worker(Engine& engine, const StepperOptions& options, int n_queue, Metrics& metrics)
    : n_queue_(n_queue), metrics_(&metrics), stepper_(std::make_unique<Stepper>(engine, options)) {
    options_ = stepper_->options();
    engine.cancel_with(&cancel_);
    thread_ = std::thread([this] { work(); });
}

Worker::~Worker() {
    stop_ = cancel_ = true;
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
    thread_.join();
}

bool Worker::submit(Submission submission) {
    const int n = static_cast<int>(submission.rows.size());
    auto live = std::make_shared<Live>();
    live->n_left = submission.rows.size();
    live->submission = std::move(submission);
    {
        const std::lock_guard lock(mutex_);
        if (n_live_ > 0 && n_live_ + n > options_.n_rows + n_queue_) return false;
        n_live_ += n;
        waiting_.push_back(std::move(live));
    }
    wake_.notify_one();
    return true;
}

void Worker::cancel_all() {
    cancel_ = true;
    wake_.notify_all();
}

double Worker::seconds_in_step() const {
    const std::int64_t began = step_began_;
    return began == 0 ? 0 : static_cast<double>(now_ns() - began) * 1e-9;
}

void Worker::work() {
    for (;;) {
        std::deque<std::shared_ptr<Live>> fresh;
        {
            std::unique_lock lock(mutex_);
            if (live_.empty()) {
                step_began_ = 0;
                wake_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
            }
            fresh.swap(waiting_);
        }
        step_began_ = now_ns();
        for (const auto& live : fresh) admit(live);
        if (cancel_) fail_all(std::make_exception_ptr(Error(Code::interrupted, "the server is stopping")));
        if (stop_) return;
        if (!live_.empty()) step();
    }
}

void Worker::admit(const std::shared_ptr<Live>& live) {
    Submission& s = live->submission;
    try {
        for (std::size_t i = 0; i < s.rows.size(); ++i) {
            const RowId id = stepper_->add(
                std::move(s.rows[i]),
                [this, live, i](const TokenEvent& event) {
                    if (live->over) return false;
                    if (event.token >= 0) metrics_->count_generated();
                    if (live->submission.on_event) live->submission.on_event(i, event);
                    if (event.finish != Finish::unfinished) finish(live, i, event.row);
                    return true;
                },
                s.gone);
            live->ids.push_back(id);
        }
    } catch (...) {
        live->over = true;
        for (RowId id : live->ids) {
            stepper_->cancel(id);
            stepper_->take(id);
        }
        n_live_ -= static_cast<int>(live->n_left);
        s.failed(std::current_exception());
        return;
    }
    live_.push_back(live);
    if (s.accepted) s.accepted();
}

void Worker::finish(const std::shared_ptr<Live>& live, std::size_t i, RowId id) {
    auto result = stepper_->take(id);
    --n_live_;
    --live->n_left;
    if (result) {
        if (result->finish == Finish::cancelled) metrics_->count_cancelled();
        live->submission.on_end(i, std::move(*result));
    }
    if (live->n_left == 0) {
        live->over = true;
        std::erase(live_, live);
    }
}

void Worker::step() {
    try {
        const auto begin = std::chrono::steady_clock::now();
        stepper_->step();
        metrics_->observe_step(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    } catch (...) {
        fail_all(std::current_exception());
    }
    n_running_ = static_cast<int>(stepper_->n_running());
    const StepperStats& stats = stepper_->stats();
    metrics_->count_prompt(stats.n_prompt_token - seen_.n_prompt_token,
                           stats.n_reused_token - seen_.n_reused_token);
    seen_ = stats;
}

void Worker::fail_all(std::exception_ptr error) {
    std::vector<std::shared_ptr<Live>> all;
    all.swap(live_);
    for (const auto& live : all) {
        live->over = true;
        for (RowId id : live->ids) {
            stepper_->cancel(id);
            stepper_->take(id);
        }
        n_live_ -= static_cast<int>(live->n_left);
        live->submission.failed(error);
    }
    n_running_ = static_cast<int>(stepper_->n_running());
}

}  // namespace tiller::serve
