// A study carried out by many machines: shards, their journals, and the run that they add up to.
//
// A block (one task on one model with one seed) is never divided. Workers know nothing of each other: each
// deals the plan's blocks to the shards by the same rule, and writes to a folder of its own,
// RUN/workers/<shard>-of-<count>/attempt-<n>/ (docs/many-machines.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tiller/study.h"

namespace tiller {

/// Which part of a plan a worker carries out.
struct Shard {
    int index = 0;  ///< From 0, below `count`.
    int count = 1;  ///< From 1 to 100000.
    /// Where the numbers come from, for people: "a Slurm array", ...; may be empty.
    std::string source = {};

    std::string text() const { return std::to_string(index) + "/" + std::to_string(count); }
};

/// Reads "i/N" (0 <= i < N) or "auto". "auto" takes Slurm's array variables, else rank and size of Slurm,
/// OpenMPI or PMI, in this order. `variable` looks an environment variable up. Throws usage, with the range.
Shard parse_shard(const std::string& text,
                  const std::function<std::optional<std::string>(const std::string&)>& variable);

/// One task on one model with one seed.
struct Block {
    std::string model, task;
    std::uint64_t seed = 0;
    std::uint64_t cost = 0;  ///< Estimated work, without a unit: says only which blocks take longer.
    int shard = 0;           ///< The shard that it is dealt to.
    std::string text() const { return model + "/" + task + "/s" + std::to_string(seed); }
};

/// The plan's blocks, in the order in which an undivided run computes them, dealt to `n_shard` shards:
/// longest first, each to the shard with the least work so far. Reads task files and the sizes of model
/// files; loads no model. For a wrong plan throws what run_study() throws.
std::vector<Block> deal_blocks(const Plan& plan, const StudyHost& host, int n_shard);
/// Sets Block::shard of blocks whose costs are known, by the same rule.
void deal(std::vector<Block>& blocks, int n_shard);

/// What a worker did.
struct ShardResult {
    std::filesystem::path folder;       ///< Of this attempt; empty when there was nothing to do.
    std::size_t n_block = 0;            ///< Blocks of the shard.
    std::size_t n_before = 0;           ///< Of these, finished earlier by other attempts.
    std::size_t n_done = 0;             ///< Of these, finished by this attempt.
    std::vector<std::string> failures;  ///< Of blocks that failed: "model/task/s0: why".
};

/// Computes a shard's blocks in `run`. Blocks that any worker in `run` has finished are left out. Of
/// unfinished blocks, finished units are taken over from attempts whose machine gives the same numbers. A
/// block that fails does not stop the others. Throws bad_input when `run` has another plan, else as
/// run_study().
ShardResult run_shard(const Plan& plan, const std::filesystem::path& run, const Shard& shard,
                      const StudyHost& host);

struct MergeOptions {
    bool allow_mixed = false;  ///< Merge blocks of machines that compute differently; the summary says so.
    /// How a user allows that (a program's flag), for the error message; may be empty.
    std::string to_allow = {};
    /// Makes the command of a shard from the workers' command without its shard. The error that lists missing
    /// blocks shows it; may be empty.
    std::function<std::string(const std::string& command, const Shard&)> command_of = {};
};

struct MergeResult {
    Summary summary;
    std::size_t n_block = 0, n_worker = 0;  ///< Blocks merged; attempts whose blocks were used.
    std::vector<std::string> notes;         ///< Remarks, a sentence each: what was left out, and why.
    bool second_pass = false;               ///< The plan needs another pass: call run_study() in this folder.
    std::string command;                    ///< The workers' command, without the shard.
};

/// Turns `run` into the folder that an undivided run would have left: plan.toml, environment.json,
/// records.jsonl, cost.jsonl, vectors/, winners/. Writes nothing before everything is known to fit. Throws
/// incomplete when blocks are missing, with the commands that make them; bad_input when workers have
/// different plans, programs, models, data or settings, when two complete copies of a unit differ, when
/// machines that compute differently are mixed, or when `run` has records that no worker made; missing when
/// there are no workers.
MergeResult merge_run(const std::filesystem::path& run, const MergeOptions& options = {});

/// The state of a run that workers share, read from their folders only.
struct RunStatus {
    enum class State { waiting, running, silent, failed, done };
    struct BlockStatus {
        Block block;
        State state = State::waiting;
        std::string host;          ///< Machine of the attempt that `state` is about.
        std::string attempt;       ///< Its folder, like "3-of-16/attempt-1".
        std::string what;          ///< Its last step, or why it failed.
        double seconds = 0;        ///< Time that the block took (done).
        double last_sign = 0;      ///< Seconds since the attempt wrote anything (running, silent).
        std::uint64_t n_unit = 0;  ///< Units of work finished.
    };
    std::vector<BlockStatus> blocks;  ///< In the plan's order.
    int n_shard = 0;                  ///< Shards of the newest attempt's division.
    std::size_t n_worker = 0;         ///< Attempts that wrote something within the last ten minutes.
    double blocks_per_hour = 0;       ///< Rate of the running workers; 0 = not known yet, or none runs.
    double seconds_left = -1;         ///< Until the last shard is done; negative = not known yet.
    std::size_t count(State state) const;
};
/// "waiting", "running", "silent", "failed" or "done". A block is silent when its worker has not written for
/// ten minutes: killed, or in a long step.
const char* state_name(RunStatus::State state) noexcept;
/// Throws missing when there are no workers, bad_input when their files are damaged.
RunStatus run_status(const std::filesystem::path& run);

/// How long a plan takes on different numbers of machines like the one that was measured.
struct PlanTime {
    double seconds_per_cost = 0;  ///< Measured seconds for each unit of Block::cost.
    double seconds = 0;           ///< All blocks on one machine.
    struct Choice {
        int n_shard = 1;
        double seconds = 0;     ///< Until the last shard is done.
        double efficiency = 0;  ///< Share of the machines' time that is work, (0, 1].
    };
    std::vector<Choice> choices;  ///< For n_shard = 1, 2, 4, ... and one for each block.
    Choice proposed = {};   ///< The fewest shards that end within the wanted time; one a block if none do.
    int limit_minutes = 0;  ///< Suggested limit for each shard: twice the longest one's time, and 10 minutes.
};
/// Estimates times from a block of cost `cost` that took `measured` seconds. `within`: seconds in which the
/// whole plan should be done.
PlanTime plan_time(std::vector<Block> blocks, double measured, std::uint64_t cost, double within);

}  // namespace tiller
