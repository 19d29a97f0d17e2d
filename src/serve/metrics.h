// Counters of a server, as Prometheus text. Thread-safe. They contain no text from clients.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace tiller::serve {

/// Counts in buckets with upper bounds, in seconds.
class Histogram {
public:
    static constexpr std::array<double, 12> bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                      0.5,   1,    2.5,   5,    10,  30};
    void observe(double seconds);
    std::string text(const char* name, const char* help) const;

private:
    mutable std::mutex mutex_;
    std::array<std::uint64_t, bounds.size() + 1> counts_ = {};
    double sum_ = 0;
};

class Metrics {
public:
    /// `endpoint` is one of the routes, not what the client wrote.
    void count_request(const std::string& endpoint, int status);
    void count_generated() { ++n_generated_; }
    void count_prompt(std::uint64_t n, std::uint64_t n_reused) {
        n_prompt_ += n;
        n_reused_ += n_reused;
    }
    void count_cancelled() { ++n_cancelled_; }
    void count_edits(std::uint64_t n) { n_edits_ += n; }
    void observe_step(double seconds) { step_.observe(seconds); }
    void observe_first_token(double seconds) { first_token_.observe(seconds); }

    /// What /metrics answers; rows under way and waiting are given from outside.
    std::string text(int n_active, int n_waiting) const;

private:
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, int>, std::uint64_t> requests_;
    std::atomic<std::uint64_t> n_generated_ = 0, n_prompt_ = 0, n_reused_ = 0, n_cancelled_ = 0, n_edits_ = 0;
    Histogram step_, first_token_;
};

}  // namespace tiller::serve
