// How far the workers of a run are, from the files that they wrote.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <system_error>

#include "many/attempts.h"
#include "tiller/error.h"

namespace tiller {

using namespace study;

namespace {

namespace fs = std::filesystem;
using State = RunStatus::State;

constexpr double kSilent = 600;  // seconds without a sign after which a worker counts as silent
constexpr double kNever = -std::numeric_limits<double>::infinity();

// When the file was last written, in seconds of the file clock, which may be negative; kNever when unknown.
double modified(const fs::path& file) {
    std::error_code ec;
    const auto time = fs::last_write_time(file, ec);
    return ec ? kNever : std::chrono::duration<double>(time.time_since_epoch()).count();
}

// When the attempt last wrote any of its files, by the clock of the shared file system.
double last_sign(const Attempt& attempt) {
    double last = kNever;
    for (const char* name :
         {"worker.json", "blocks.jsonl", "records.jsonl", "progress.json", "cost.jsonl", "environment.json"})
        last = std::max(last, modified(attempt.folder() / name));
    return last;
}

RunStatus::BlockStatus status_of(const Block& block, const std::vector<Attempt>& attempts,
                                 const std::map<const Attempt*, double>& silence) {
    RunStatus::BlockStatus status;
    status.block = block;
    for (const Attempt& attempt : attempts) {
        const BlockEvent* event = attempt.last_event(block);
        if (!event) continue;
        const bool done = event->state == "done";
        const double since = silence.at(&attempt);
        // The newest attempt counts, unless an older one has finished the block or is the one that runs.
        if (!done && (status.state == State::done || (status.state == State::running && since >= kSilent)))
            continue;
        status.host = attempt.worker().host, status.attempt = attempt_name(attempt.folder());
        status.seconds = event->seconds, status.last_sign = since;
        status.what = event->message;
        status.state = done                        ? State::done
                       : event->state == "stopped" ? State::waiting
                       : event->state == "failed"  ? State::failed
                       : since < kSilent           ? State::running
                                                   : State::silent;
        if (event->state == "begun")
            if (const auto progress = read_progress(attempt.folder()))
                status.what = fmt::format("{}  {}  {}/{}", progress->block, progress->step, progress->done,
                                          progress->all);
        if (done) continue;  // units are not counted: reading a whole journal may take long
        status.n_unit = 0;
        const std::string prefix = unit_prefix(block);
        for (const auto& [name, lines] : attempt.units()) status.n_unit += name.starts_with(prefix);
    }
    return status;
}

// Estimates the rate and the time left. Finished blocks give the seconds per estimated cost. The time left is
// that of the shard with the most cost left; shards are assumed to have a worker even if none runs now.
void add_times(RunStatus& status) {
    double seconds = 0, cost = 0;
    std::map<int, double> left;
    std::size_t n_running = 0, n_done = 0;
    for (const auto& b : status.blocks) {
        if (b.state == State::done) {
            seconds += b.seconds, cost += static_cast<double>(b.block.cost);
            ++n_done;
        } else {
            left[b.block.shard] += static_cast<double>(b.block.cost);
        }
        n_running += b.state == State::running;
    }
    if (n_done == 0 || cost <= 0) return;
    const double pace = seconds / cost;
    double longest = 0;
    for (const auto& [shard, of_shard] : left) longest = std::max(longest, of_shard);
    status.seconds_left = longest * pace;
    if (seconds > 0)
        status.blocks_per_hour =
            static_cast<double>(n_running) * 3600 * static_cast<double>(n_done) / seconds;
}

}  // namespace

std::size_t RunStatus::count(State state) const {
    return static_cast<std::size_t>(
        std::count_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.state == state; }));
}

const char* state_name(State state) noexcept {
    switch (state) {
        case State::waiting: return "waiting";
        case State::running: return "running";
        case State::silent: return "silent";
        case State::failed: return "failed";
        case State::done: return "done";
    }
    return "unknown";
}

RunStatus run_status(const fs::path& run) {
    const std::vector<Attempt> attempts = read_attempts(run);
    if (attempts.empty())
        throw Error(Code::missing, fmt::format("{} has no workers: expected folders like {}", run.string(),
                                               (run / "workers" / "0-of-4" / "attempt-1").string()));
    // "Now" is the later of this machine's clock and the newest sign of any worker: if this clock is slow,
    // the age of a sign must not become negative.
    double now = std::chrono::duration<double>(fs::file_time_type::clock::now().time_since_epoch()).count();
    std::map<const Attempt*, double> silence;
    for (const auto& attempt : attempts) now = std::max(now, last_sign(attempt));
    RunStatus status;
    for (const auto& attempt : attempts) {
        silence[&attempt] = now - last_sign(attempt);
        // An attempt whose shard was started again does not run any more.
        for (const auto& other : attempts)
            if (other.folder().parent_path() == attempt.folder().parent_path() &&
                other.worker().attempt > attempt.worker().attempt)
                silence[&attempt] = std::max(silence[&attempt], kSilent);
        status.n_worker += silence[&attempt] < kSilent;
    }
    status.n_shard = attempts.back().worker().count;
    for (const Block& block : attempts.back().worker().blocks)
        status.blocks.push_back(status_of(block, attempts, silence));
    add_times(status);
    return status;
}

PlanTime plan_time(std::vector<Block> blocks, double measured, std::uint64_t cost, double within) {
    PlanTime time;
    time.seconds_per_cost = measured / static_cast<double>(std::max<std::uint64_t>(1, cost));
    double all = 0;
    for (const auto& block : blocks) all += static_cast<double>(block.cost) * time.seconds_per_cost;
    time.seconds = all;
    const auto choice = [&](int n) {
        deal(blocks, n);
        std::vector<double> work(static_cast<std::size_t>(n));
        for (const auto& block : blocks)
            work[static_cast<std::size_t>(block.shard)] +=
                static_cast<double>(block.cost) * time.seconds_per_cost;
        const double longest = *std::max_element(work.begin(), work.end());
        return PlanTime::Choice{n, longest, longest > 0 ? all / longest / n : 1};
    };
    const int most = static_cast<int>(std::min<std::size_t>(blocks.size(), 100000));
    for (int n = 1; n < most; n *= 2) time.choices.push_back(choice(n));
    time.choices.push_back(choice(std::max(1, most)));
    time.proposed = time.choices.back();
    int low = 1, high = time.proposed.n_shard;
    while (low < high) {  // bisection: more shards make the longest one shorter, except for small jumps
        const int middle = low + (high - low) / 2;
        choice(middle).seconds <= within ? static_cast<void>(high = middle)
                                         : static_cast<void>(low = middle + 1);
    }
    time.proposed = choice(low);
    time.limit_minutes = static_cast<int>(std::ceil(2 * time.proposed.seconds / 60)) + 10;
    return time;
}

}  // namespace tiller
