// The scripts of `tiller submit`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tiller::cli {

struct SubmitPlan {
    std::string program;             ///< This program's file.
    std::filesystem::path run, cwd;  ///< Absolute.
    int n_shard = 1;
    std::vector<std::string> flags;  ///< Of `tiller compare`, except plan, folder, shard, threads.
    int threads = 0;                 ///< 0 = what the scheduler gives, else all cores.
    std::vector<std::string> more;   ///< Options of sbatch or parallel.
    std::string hosts;               ///< File of hosts, absolute; empty for Slurm.
};

struct Script {
    std::string name;  ///< In the run folder.
    std::string text;
};

/// shards.sh, merge.sh and submit.sh, which submits them.
std::vector<Script> slurm_scripts(const SubmitPlan& plan);
/// submit.sh, which runs GNU parallel and merges.
std::vector<Script> parallel_scripts(const SubmitPlan& plan);

}  // namespace tiller::cli
