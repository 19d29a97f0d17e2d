// tiller submit: a comparison on many machines, by Slurm or by GNU parallel over ssh.
#include "cli/submit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/common.h"
#include "core/shell.h"
#include "core/util.h"
#include "study/environment.h"
#include "study/run_files.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

std::string words(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& word : list) text += " " + shell_word(word);
    return text;
}

std::string head(const SubmitPlan& p, const std::string& what) {
    return fmt::format("#!/bin/bash\n# {}\nset -euo pipefail\ncd {}\n", what, shell_word(p.cwd.string()));
}

std::string worker_command(const SubmitPlan& p) {
    return fmt::format("{} compare --plan {} -o {}{}", shell_word(p.program),
                       shell_word((p.run / "plan.toml").string()), shell_word(p.run.string()),
                       words(p.flags));
}

std::string merge_command(const SubmitPlan& p) {
    return fmt::format("{} merge {}", shell_word(p.program), shell_word(p.run.string()));
}

// Slurm reads % in file names as a pattern.
std::string log_file(const SubmitPlan& p, const std::string& pattern) {
    std::string folder;
    for (const char c : (p.run / "slurm").string()) folder += c == '%' ? "%%" : std::string(1, c);
    return shell_word(folder + "/" + pattern);
}

}  // namespace

std::vector<Script> slurm_scripts(const SubmitPlan& p) {
    const std::string name = shell_word("tiller-" + p.run.filename().string()), more = words(p.more);
    const std::string threads =
        p.threads > 0 ? std::to_string(p.threads) : "\"${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-0}}\"";
    // The shard is spelt out, so that `sbatch --array=3,7` computes shards 3 and 7 of the same division
    // again.
    const std::string shards =
        head(p, fmt::format("One of {} shards; SLURM_ARRAY_TASK_ID says which.", p.n_shard)) +
        fmt::format("exec {} --threads {} --shard \"$SLURM_ARRAY_TASK_ID/{}\"\n", worker_command(p), threads,
                    p.n_shard);
    const std::string merge = head(p, "Puts the shards together; says which blocks are missing, if any.") +
                              "exec " + merge_command(p) + "\n";
    const std::string submit =
        head(p, "Submits the shards, and a job that merges them when none of them runs any more.") +
        fmt::format(
            "job=$(sbatch --parsable --job-name={} --array=0-{} --requeue --open-mode=append "
            "--output={}{} {})\n",
            name, p.n_shard - 1, log_file(p, "%a.log"), more, shell_word((p.run / "shards.sh").string())) +
        fmt::format(
            "merge=$(sbatch --parsable --job-name={} --dependency=\"afterany:${{job%%;*}}\" "
            "--output={}{} {})\n",
            name, log_file(p, "merge.log"), more, shell_word((p.run / "merge.sh").string())) +
        fmt::format(
            "echo \"Submitted {} shards as job ${{job%%;*}}, and job ${{merge%%;*}} to merge them.\"\n"
            "echo {}\n",
            p.n_shard, shell_word("How far it is: tiller status " + shell_word(p.run.string())));
    return {{"shards.sh", shards}, {"merge.sh", merge}, {"submit.sh", submit}};
}

std::vector<Script> parallel_scripts(const SubmitPlan& p) {
    std::string command = worker_command(p);
    if (p.threads > 0) command += fmt::format(" --threads {}", p.threads);
    const std::string hosts = p.hosts.empty() ? "" : " --sshloginfile " + shell_word(p.hosts);
    // One shard at a time on each host: it uses all its cores. Shards that failed run again with the same
    // command, because parallel keeps a log of jobs.
    return {
        {"submit.sh",
         head(p, fmt::format("{} shards on the hosts, then merged.", p.n_shard)) +
             fmt::format("seq 0 {} | parallel --jobs 1{} --workdir {} --joblog {} --resume-failed --retries "
                         "3 --line-buffer --tag{} {}\n",
                         p.n_shard - 1, hosts, shell_word(p.cwd.string()),
                         shell_word((p.run / "joblog").string()), words(p.more),
                         shell_word(command + fmt::format(" --shard {{}}/{}", p.n_shard))) +
             "exec " + merge_command(p) + "\n"}};
}

namespace {

struct SubmitFlags {
    std::string plan, out, hosts;
    int n_shard = 0;
    bool slurm = false, no_check = false, dry_run = false;
    std::vector<std::string> more;
};

std::string this_program() {
    std::error_code ec;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", ec);
    return ec ? "tiller" : path.string();
}

SubmitPlan submit_plan(const SubmitFlags& o, const Globals& globals) {
    SubmitPlan p;
    p.program = this_program();
    p.cwd = std::filesystem::current_path();
    p.run = std::filesystem::absolute(o.out).lexically_normal();
    p.n_shard = o.n_shard, p.threads = globals.threads, p.more = o.more;
    if (!o.hosts.empty()) p.hosts = std::filesystem::absolute(o.hosts).lexically_normal().string();
    const auto flag = [&](bool given, std::vector<std::string> with) {
        if (given) p.flags.insert(p.flags.end(), with.begin(), with.end());
    };
    const Globals defaults;
    flag(o.no_check, {"--no-check"});
    flag(globals.exact, {"--exact"});
    flag(globals.cache_type != defaults.cache_type, {"--cache-type", globals.cache_type});
    flag(globals.gpu_layers != defaults.gpu_layers, {"--gpu-layers", std::to_string(globals.gpu_layers)});
    flag(globals.rows != defaults.rows, {"--rows", std::to_string(globals.rows)});
    return p;
}

void submit(const SubmitFlags& o, const Globals& globals) {
    if (o.slurm == !o.hosts.empty())
        throw Error(Code::usage, "say where: --slurm, or --ssh FILE with a host in each line (one of them)");
    if (!o.hosts.empty() && !std::filesystem::exists(o.hosts))
        throw Error(Code::missing, fmt::format("the file of hosts {} does not exist", o.hosts));
    const Plan plan = load_plan(o.plan);
    const SubmitPlan p = submit_plan(o, globals);
    study::check_folder(plan, p.run);
    const auto scripts = o.slurm ? slurm_scripts(p) : parallel_scripts(p);
    if (o.dry_run) {
        std::string text;
        for (const auto& script : scripts)
            text += fmt::format("# ---- {}\n{}\n", (p.run / script.name).string(), script.text);
        return print(text);
    }
    study::make_folder(p.run);
    study::claim_folder(plan, p.run);
    if (o.slurm) study::make_folder(p.run / "slurm");
    for (const auto& script : scripts) write_file_atomic(p.run / script.name, script.text);
    const std::string file = (p.run / "submit.sh").string();
    note(globals, "bash " + shell_word(file));
    ::execlp("bash", "bash", file.c_str(), static_cast<char*>(nullptr));
    throw Error(Code::environment, fmt::format("cannot start bash: {}", std::strerror(errno)));
}

}  // namespace

void add_submit(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<SubmitFlags>();
    auto* command = app.add_subcommand(
        "submit", "Carry out a plan on many machines: a Slurm array, or GNU parallel over ssh");
    command->add_flag("--slurm", o->slurm, "Submit an array of shards, and a job that merges them");
    command->add_option("--ssh", o->hosts,
                        "Run the shards on the hosts of a file (GNU parallel's --sshloginfile; \":\" is this "
                        "machine), and merge them");
    command->add_option("-N,--shards", o->n_shard, "Shards (tiller plan --time proposes a number)")
        ->required()
        ->check(CLI::Range(1, 100000));
    command->add_option("--plan", o->plan, "Plan file (tiller compare --print-plan)")->required();
    command->add_option("-o,--out", o->out, "Run folder, which all machines see")->required();
    command->add_flag("--dry-run", o->dry_run, "Print the scripts and stop");
    command->add_flag("--no-check", o->no_check, "Do not check the models' hooks first");
    command->add_option("options", o->more, "Options of sbatch (or parallel), after --");
    // A server serves one program at a time, so that shards cannot share it.
    add_globals(*command, globals, (kEngineFlags & ~kRpcFlag) | kRowsFlag | kQuietFlag);
    command->callback([o, &globals] { submit(*o, globals); });
}

}  // namespace tiller::cli
