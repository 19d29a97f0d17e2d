#include "serve/jobs.h"

#include <fmt/format.h>

#include <vector>

#include "serve/problem.h"
#include "tiller/engine.h"
#include "tiller/error.h"
#include "vectors/reject.h"

namespace tiller::serve {
enum class JobStatus { queued, running, done, failed, cancelled };

namespace {

constexpr std::size_t kRemembered = 100;

const char* name_of(JobStatus status) {
    switch (status) {
        case JobStatus::queued: return "queued";
        case JobStatus::running: return "running";
        case JobStatus::done: return "done";
        case JobStatus::failed: return "failed";
        case JobStatus::cancelled: return "cancelled";
    }
    return "";
}

}  // namespace

struct Jobs::Job {
    std::string id;
    ExtractRequest request;
    bool replace = false;
    JobStatus status = JobStatus::queued;
    std::string step = "waiting";
    std::size_t done = 0, all = 0;
    Json vector, error;
    std::atomic<bool> cancelled = false;
};

Jobs::Jobs(std::shared_ptr<const Model> model, const EngineOptions& engine, VectorStore& vectors,
           Extract extract, int n_waiting)
    : model_(std::move(model)),
      engine_options_(engine),
      vectors_(&vectors),
      extract_(std::move(extract)),
      n_waiting_(static_cast<std::size_t>(n_waiting)),
      thread_([this] { work(); }) {}

Jobs::~Jobs() {
    cancel_all();
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

Json Jobs::description(const Job& job) const {
    return {{"id", job.id},
            {"object", "job"},
            {"name", job.request.name},
            {"method", job.request.method},
            {"status", name_of(job.status)},
            {"progress", {{"step", job.step}, {"done", job.done}, {"all", job.all}}},
            {"vector", job.vector},
            {"error", job.error}};
}

Json Jobs::start(ExtractRequest request, bool replace) {
    if (!extract_) throw Problem(400, "unsupported", "this server does not extract vectors");
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= n_waiting_) {
        Problem problem(429, "queue_full",
                        fmt::format("{} extractions wait already; try again later", n_waiting_));
        problem.retry_after = 30;
        throw problem;
    }
    auto job = std::make_shared<Job>();
    job->id = fmt::format("job-{}", ++last_);
    job->request = std::move(request);
    job->replace = replace;
    jobs_[last_] = job;
    waiting_.push_back(job);
    // Removes the oldest finished jobs.
    for (auto it = jobs_.begin(); it != jobs_.end() && jobs_.size() > kRemembered;) {
        const bool over = it->second->status != JobStatus::queued && it->second->status != JobStatus::running;
        it = over ? jobs_.erase(it) : std::next(it);
    }
    wake_.notify_one();
    return description(*job);
}

Jobs::Job& Jobs::at(const std::string& id) const {
    for (const auto& [number, job] : jobs_)
        if (job->id == id) return *job;
    throw Problem(404, "job_not_found",
                  fmt::format("there is no job {}; the last {} are remembered", printable(id), kRemembered));
}

Json Jobs::describe(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return description(at(id));
}

Json Jobs::describe_all() const {
    const std::lock_guard lock(mutex_);
    Json all = Json::array();
    for (const auto& [number, job] : jobs_) all.push_back(description(*job));
    return all;
}

Json Jobs::cancel(const std::string& id) {
    const std::lock_guard lock(mutex_);
    Job& job = at(id);
    job.cancelled = true;
    if (job.status == JobStatus::queued) {
        job.status = JobStatus::cancelled;
        std::erase_if(waiting_, [&](const auto& other) { return other.get() == &job; });
    }
    return description(job);
}

void Jobs::cancel_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, job] : jobs_) {
        job->cancelled = true;
        if (job->status == JobStatus::queued) job->status = JobStatus::cancelled;
    }
    waiting_.clear();
}

void Jobs::work() {
    for (;;) {
        std::shared_ptr<Job> job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
            if (stop_) return;
            job = waiting_.front();
            waiting_.pop_front();
            job->status = JobStatus::running;
            job->step = "starting";
        }
        run(*job);
    }
}

void Jobs::run(Job& job) {
    Json vector, error;
    JobStatus status = JobStatus::done;
    try {
        // A separate engine, whose KV cache is freed when the job ends.
        Engine engine(model_, engine_options_);
        engine.cancel_with(&job.cancelled);
        const SteeringVector made =
            extract_(engine, job.request, [&](const std::string& step, std::size_t done, std::size_t all) {
                const std::lock_guard lock(mutex_);
                job.step = step;
                job.done = done;
                job.all = all;
            });
        VectorPointer stored = vectors_->make(job.request.name, made);
        vectors_->add(stored, job.replace);
        vector = stored->description();
    } catch (...) {
        const Problem problem = problem_of(std::current_exception());
        status = job.cancelled ? JobStatus::cancelled : JobStatus::failed;
        if (!job.cancelled) error = Json::parse(error_body(problem)).at("error");
    }
    const std::lock_guard lock(mutex_);
    job.status = status;
    job.vector = std::move(vector);
    job.error = std::move(error);
    if (status == JobStatus::done) job.step = "done";
}

}  // namespace tiller::serve
