// What a worker writes besides its journal: who it is (worker.json), which blocks it began and ended
// (blocks.jsonl), and its newest step (progress.json). Only the worker itself writes to its folder.
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
    std::vector<double> probe = {};  ///< MachineProbe::logprobs; empty in files of earlier versions.
};

/// worker.json: who a worker is and what it computes with.
struct WorkerRecord {
    int shard = 0, count = 1, attempt = 1;
    /// 1 more than the largest of the attempts that were there when this one began. Ordered by generation,
    /// units that were taken over come before those made with them; no clock is needed.
    int generation = 1;
    std::string host, machine, job;  ///< `job`: scheduler_job(); may be empty.
    std::string command;             ///< The command that started the worker, without the shard.
    std::string program_version, engine_version, program_digest, data_digest;
    std::string settings;             ///< Settings of the engine that numbers depend on, for people.
    bool exact = false;               ///< Are weights and cache float32, and all computed on the processor?
    std::vector<WorkerModel> models;  ///< Those loaded so far.
    std::vector<Block> blocks;        ///< All blocks of the plan, not only this shard's.

    /// nullptr when the worker has not loaded a model of this name.
    const WorkerModel* model(const std::string& name) const;
};

/// A line of blocks.jsonl.
struct BlockEvent {
    std::string model, task;
    std::uint64_t seed = 0;
    std::string state;           ///< "begun", "done", "failed" or "stopped" (by the user).
    std::string closing;         ///< Name of the block's closing unit; empty when its model did not load.
    double seconds = 0;          ///< Since the block was begun.
    std::string message = {};    ///< Why it failed or was stopped; else empty.
    double since_start = 0;      ///< Seconds since the worker was started.
    std::uint64_t n_decode = 0;  ///< Decodes that the engine made for this block.
};

/// progress.json: the newest step, `done` of `all` of which are finished.
struct WorkerProgress {
    std::string block, step;
    std::uint64_t done = 0, all = 0;
};

/// Replaces worker.json in the folder `attempt`. Throws environment.
void write_worker(const std::filesystem::path& attempt, const WorkerRecord& record);
/// Throws missing, bad_input.
WorkerRecord read_worker(const std::filesystem::path& attempt);
/// Appends a line to blocks.jsonl. Throws environment.
void add_event(const std::filesystem::path& attempt, const BlockEvent& event);
/// All events, oldest first; empty without a file. Lines that are not whole, as a kill leaves them, are left
/// out.
std::vector<BlockEvent> read_events(const std::filesystem::path& attempt);
/// Replaces progress.json. Throws environment.
void write_progress(const std::filesystem::path& attempt, const WorkerProgress& progress);
/// Empty when the file is missing or cannot be read.
std::optional<WorkerProgress> read_progress(const std::filesystem::path& attempt);

/// RUN/workers/3-of-16.
std::filesystem::path shard_folder(const std::filesystem::path& run, const Shard& shard);
/// Makes RUN/workers/3-of-16/attempt-<n>, where n is 1 more than that of the newest attempt. Returns the
/// folder and n. Two workers that do this at once get different folders. Throws environment.
std::pair<std::filesystem::path, int> make_attempt_folder(const std::filesystem::path& run,
                                                          const Shard& shard);
/// All folders of attempts in `run` that have a worker.json, ordered by number of shards, shard and attempt.
/// Empty when there are none.
std::vector<std::filesystem::path> attempt_folders(const std::filesystem::path& run);
/// "3-of-16/attempt-2".
std::string attempt_name(const std::filesystem::path& attempt);

}  // namespace tiller::study
