// Extractions: long work, one job at a time, in a separate thread while requests are served.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "serve/fields.h"
#include "serve/vector_store.h"
#include "tiller/server.h"

namespace tiller::serve {

/// Thread-safe but for the constructor and destructor.
class Jobs {
public:
    /// At most `n_waiting` jobs wait; the last 100 that ended are remembered. `extract` may be empty: then
    /// nothing can be started.
    Jobs(std::shared_ptr<const Model> model, const EngineOptions& engine, VectorStore& vectors,
         Extract extract, int n_waiting);
    ~Jobs();
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;

    /// Returns the job's description. Throws Problem 400 unsupported, 429 queue_full.
    Json start(ExtractRequest request, bool replace);
    /// Throws Problem 404 job_not_found.
    Json describe(const std::string& id) const;
    Json describe_all() const;
    /// Ends a job that waits or runs; one that has ended stays as it is. Returns its description.
    Json cancel(const std::string& id);
    void cancel_all();

private:
    struct Job;
    void work();
    void run(Job& job);
    Job& at(const std::string& id) const;
    Json description(const Job& job) const;

    std::shared_ptr<const Model> model_;
    EngineOptions engine_options_;
    VectorStore* vectors_;
    Extract extract_;
    std::size_t n_waiting_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;  ///< By number.
    std::deque<std::shared_ptr<Job>> waiting_;
    std::uint64_t last_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

}  // namespace tiller::serve
