// The thread that computes: rows of all requests, in one Stepper.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "serve/metrics.h"
#include "tiller/stepper.h"

namespace tiller::serve {

/// Rows of one request. The functions are called in the worker's thread.
struct Submission {
    std::vector<Row> rows;
    /// When true, the rows end. May be null.
    std::shared_ptr<const std::atomic<bool>> gone;
    /// All rows are accepted: from here on only the engine can fail. May be empty.
    std::function<void()> accepted;
    /// A token of row i. May be empty.
    std::function<void(std::size_t i, const TokenEvent& event)> on_event;
    /// Row i ended; called once for each row unless failed() is.
    std::function<void(std::size_t i, RowResult result)> on_end;
    /// A row was not accepted, or the engine failed: the end of the request; called at most once.
    std::function<void(std::exception_ptr)> failed;
};

/// Thread-safe but for the constructor and destructor.
class Worker {
public:
    /// `engine` must outlive it and is used in this thread until the constructor returns, then only in the
    /// worker's. At most `n_queue` rows wait, in addition to those being computed. Throws as Stepper.
    Worker(Engine& engine, const StepperOptions& options, int n_queue, Metrics& metrics);
    /// Ends all rows.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// False when so many rows do not fit into the queue.
    bool submit(Submission submission);

    /// Ends all rows as Finish::cancelled; later submissions fail.
    void cancel_all();

    const StepperOptions& options() const { return options_; }
    int n_live() const { return n_live_; }
    int n_running() const { return n_running_; }
    /// Seconds since the last step ended while rows wait for the next; 0 when idle.
    double seconds_in_step() const;

private:
    struct Live;
    void work();
    void admit(const std::shared_ptr<Live>& live);
    void step();
    void fail_all(std::exception_ptr error);
    void finish(const std::shared_ptr<Live>& live, std::size_t i, RowId id);

    StepperOptions options_;
    int n_queue_;
    Metrics* metrics_;
    std::unique_ptr<Stepper> stepper_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Live>> waiting_;
    std::vector<std::shared_ptr<Live>> live_;  ///< The worker's thread only.
    std::atomic<int> n_live_ = 0, n_running_ = 0;
    std::atomic<std::int64_t> step_began_ = 0;  ///< Nanoseconds of a steady clock; 0 when idle.
    std::atomic<bool> stop_ = false, cancel_ = false;
    StepperStats seen_;
    std::thread thread_;
};

}  // namespace tiller::serve
