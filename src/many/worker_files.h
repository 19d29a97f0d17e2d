// What a worker leaves beside its journal: who it is (worker.json), which blocks it began and ended
// (blocks.jsonl), and where it is now (progress.json). Only the worker itself writes to its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tiller/many.h"

namespace tiller::study {

/// A model as a worker loaded it, and what probe_machine() (probe.h) gave on it.
struct WorkerModel {
    std::string name, digest, machine_class;
    std::vector<double> probe = {};  ///< MachineProbe::logprobs; none of an earlier version's worker.
};

struct WorkerRecord {
    int shard = 0, count = 1, attempt = 1;
    /// 1 more than that of every attempt whose journal it read: what it took over comes before what it made,
    /// whatever the clocks say.
    int generation = 1;
    std::string host, machine, job;  ///< `job`: of the scheduler; may be empty.
    std::string command;             ///< Without the shard.
    std::string program_version, engine_version, program_digest, data_digest;
    std::string settings;             ///< Of the engine, as far as numbers depend on them.
    bool exact = false;               ///< These are float32 throughout, on the processor.
    std::vector<WorkerModel> models;  ///< Those loaded so far.
    std::vector<Block> blocks;        ///< All of the plan.

    const WorkerModel* model(const std::string& name) const;
};

/// A line of blocks.jsonl.
struct BlockEvent {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string state;           ///< "begun", "done", "failed" or "stopped" (by the user).
    std::string closing;         ///< Name of the block's closing unit; empty when its model did not load.
    double seconds = 0;          ///< Since it was begun.
    std::string message = {};    ///< Why it failed.
    double since_start = 0;      ///< Seconds since the worker was started.
    std::uint64_t n_decode = 0;  ///< Of the engine, for this block.
};

/// progress.json: the newest step.
struct WorkerProgress {
    std::string block, step;
    std::uint64_t done = 0, all = 0;
};

void write_worker(const std::filesystem::path& attempt, const WorkerRecord& record);
/// Throws missing, bad_input.
WorkerRecord read_worker(const std::filesystem::path& attempt);
/// Appends and syncs. Throws environment.
void add_event(const std::filesystem::path& attempt, const BlockEvent& event);
/// A torn last line is left out.
std::vector<BlockEvent> read_events(const std::filesystem::path& attempt);
void write_progress(const std::filesystem::path& attempt, const WorkerProgress& progress);
std::optional<WorkerProgress> read_progress(const std::filesystem::path& attempt);

/// RUN/workers/3-of-16.
std::filesystem::path shard_folder(const std::filesystem::path& run, const Shard& shard);
/// Makes RUN/workers/3-of-16/attempt-<n> with the first n that is free, also when two workers ask at once.
std::pair<std::filesystem::path, int> make_attempt_folder(const std::filesystem::path& run,
                                                          const Shard& shard);
/// All folders of attempts in `run` whose worker has said who it is, by shard and number. Empty when there
/// are none.
std::vector<std::filesystem::path> attempt_folders(const std::filesystem::path& run);
/// "3-of-16/attempt-2".
std::string attempt_name(const std::filesystem::path& attempt);

}  // namespace tiller::study
