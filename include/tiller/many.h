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
    int index = 0;            ///< From 0, below `count`.
    int count = 1;            ///< From 1 to 100000.
    std::string source = {};  ///< What said so, for people: "a Slurm array", ...; may be empty.

    std::string text() const { return std::to_string(index) + "/" + std::to_string(count); }
};

/// Reads "i/N" (0 <= i < N), or "auto": the first of Slurm's array variables, Slurm's, OpenMPI's and PMI's
/// rank and size that `variable` knows. Throws usage, with the range.
Shard parse_shard(const std::string& text,
                  const std::function<std::optional<std::string>(const std::string&)>& variable);

/// A block as people and files name it.
struct Block {
    std::string model, task;
    std::uint64_t seed = 0;
    std::uint64_t cost = 0;  ///< An estimate in no unit: which blocks take longer, nothing more.
    int shard = 0;           ///< That it is dealt to.
    std::string text() const { return model + "/" + task + "/s" + std::to_string(seed); }
};

/// The plan's blocks in the order of a run in one piece, dealt to `n_shard` shards: longest first, each to
/// the shard with the least work so far. Reads task files and the sizes of model files; loads no model.
/// Throws what is wrong with the plan.
std::vector<Block> deal_blocks(const Plan& plan, const StudyHost& host, int n_shard);
/// The same for blocks whose costs are known.
void deal(std::vector<Block>& blocks, int n_shard);

/// What a worker did.
struct ShardResult {
    std::filesystem::path folder;       ///< Of this attempt; empty when there was nothing to do.
    std::size_t n_block = 0;            ///< Blocks of the shard,
    std::size_t n_before = 0;           ///< of which other attempts had finished so many,
    std::size_t n_done = 0;             ///< and this one so many.
    std::vector<std::string> failures;  ///< "model/task/s0: why" of the others.
};

/// Carries out a shard's blocks in `run`. Blocks that any worker in `run` has finished are left out, and
/// units of unfinished ones are taken over from attempts whose machine gives the same numbers. A block that
/// fails does not keep the others from being done. Throws bad_input when `run` holds another plan, else as
/// run_study().
ShardResult run_shard(const Plan& plan, const std::filesystem::path& run, const Shard& shard,
                      const StudyHost& host);

struct MergeOptions {
    bool allow_mixed = false;   ///< Merge blocks of machines that compute differently, and say so.
    std::string to_allow = {};  ///< How a user says so, for the message that refuses them.
    /// The command of a shard, from the workers' own without it: what a list of missing blocks shows.
    std::function<std::string(const std::string& command, const Shard&)> command_of = {};
};

struct MergeResult {
    Summary summary;
    std::size_t n_block = 0, n_worker = 0;  ///< Attempts whose blocks were used.
    std::vector<std::string> notes;         ///< What was left out, and why.
    bool second_pass = false;  ///< The plan is gone through once more by run_study() in this folder.
    std::string command;       ///< That made the workers, without their shard.
};

/// Makes `run` the folder that a run in one piece would have left: plan.toml, environment.json,
/// records.jsonl, cost.jsonl, vectors/, winners/. Nothing is written before everything is known to fit.
/// Throws incomplete when blocks are missing, with the commands that make them; bad_input when workers have
/// different plans, programs, models, data or settings, when two complete copies of a unit differ, when
/// machines that compute differently are mixed, or when `run` has records that no worker made; missing when
/// there are no workers.
MergeResult merge_run(const std::filesystem::path& run, const MergeOptions& options = {});

/// The state of a run that workers share, from their journals alone.
struct RunStatus {
    enum class State { waiting, running, silent, failed, done };
    struct BlockStatus {
        Block block;
        State state = State::waiting;
        std::string host;          ///< Of the attempt that the state is of.
        std::string attempt;       ///< "3-of-16/attempt-1".
        std::string what;          ///< Its last step, or why it failed.
        double seconds = 0;        ///< That it took (done).
        double last_sign = 0;      ///< Seconds since the attempt wrote anything (running, silent).
        std::uint64_t n_unit = 0;  ///< Units of work finished.
    };
    std::vector<BlockStatus> blocks;  ///< In the plan's order.
    int n_shard = 0;                  ///< Of the newest deal.
    std::size_t n_worker = 0;         ///< Attempts that wrote something within the last minutes.
    double blocks_per_hour = 0;       ///< By the workers that are running; 0 = not known yet.
    double seconds_left = -1;         ///< Until the last shard is done; negative = not known yet.
    std::size_t count(State state) const;
};
/// "waiting", "running", "silent", "failed" or "done". A block is silent when its worker has not written for
/// ten minutes: killed, or in a long step.
const char* state_name(RunStatus::State state) noexcept;
/// Throws missing when there are no workers, bad_input when their files are damaged.
RunStatus run_status(const std::filesystem::path& run);

/// How long a plan takes on how many machines like the one that was measured.
struct PlanTime {
    double seconds_per_cost = 0;  ///< Measured.
    double seconds = 0;           ///< All blocks on one machine.
    struct Choice {
        int n_shard = 1;
        double seconds = 0;     ///< Until the last shard is done.
        double efficiency = 0;  ///< Share of the machines' time that is work.
    };
    std::vector<Choice> choices;  ///< By rising n_shard.
    Choice proposed = {};         ///< The fewest shards that are done within what was asked.
    int limit_minutes = 0;        ///< A time limit for each: twice the longest shard, and 10 minutes.
};
/// `measured` seconds for a block of cost `cost`; `within` seconds wanted for the whole.
PlanTime plan_time(std::vector<Block> blocks, double measured, std::uint64_t cost, double within);

}  // namespace tiller
