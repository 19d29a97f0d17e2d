// tiller plan: the blocks of a plan, how they are divided among shards, and how long they take.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/run_folder.h"
#include "core/shell.h"
#include "tiller/error.h"
#include "tiller/many.h"

namespace tiller::cli {
namespace {

struct PlanFlags {
    std::string plan, out;
    int n_shard = 1;
    bool time = false;
    double hours = 8;
};

// A temporary folder, removed by the destructor.
class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "tiller-plan-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw Error(Code::environment, fmt::format("cannot make a temporary folder like {}", name));
        path_ = name;
    }
    ~Scratch() {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

struct Measured {
    double seconds = 0;
    std::uint64_t cost = 0;
    std::vector<std::string> blocks;
};

// Runs the shortest block as a worker does, and reads how long it and blocks done earlier took.
Measured measure(const Plan& plan, std::size_t n_block, const std::filesystem::path& run,
                 const StudyHost& host) {
    // With as many shards as blocks, the last shard has the shortest block.
    const int last = static_cast<int>(n_block) - 1;
    const ShardResult result = run_shard(plan, run, {last, last + 1}, host);
    if (!result.failures.empty()) throw Error(Code::incomplete, result.failures.front());
    Measured measured;
    for (const auto& b : run_status(run).blocks)
        if (b.state == RunStatus::State::done) {
            measured.seconds += b.seconds, measured.cost += b.block.cost;
            measured.blocks.push_back(b.block.text());
        }
    return measured;
}

nlohmann::json json_of(const std::vector<Block>& blocks) {
    auto out = nlohmann::json::array();
    for (const auto& b : blocks)
        out.push_back(
            {{"model", b.model}, {"task", b.task}, {"seed", b.seed}, {"cost", b.cost}, {"shard", b.shard}});
    return out;
}

nlohmann::json json_of(const PlanTime::Choice& choice) {
    return {{"shards", choice.n_shard}, {"seconds", choice.seconds}, {"efficiency", choice.efficiency}};
}

std::string blocks_text(const std::vector<Block>& blocks, int n_shard) {
    std::uint64_t all = 0;
    for (const auto& b : blocks) all += b.cost;
    std::string text = fmt::format("{} blocks (model/task/seed), {} shard(s)\n\n{:>6} {:>6}  block\n",
                                   blocks.size(), n_shard, "shard", "work");
    for (const auto& b : blocks)
        text += fmt::format(
            "{:>6} {:>5.1f}%  {}\n", b.shard,
            100 * static_cast<double>(b.cost) / static_cast<double>(std::max<std::uint64_t>(1, all)),
            b.text());
    return text;
}

std::string time_table(const PlanTime& time, const Measured& measured, const PlanFlags& o) {
    std::string text = fmt::format(
        "Measured: {} block(s) in {}. All blocks on one machine like this one: about {}, as far as the "
        "estimates of work go.\n\n{:>7}  {:>14}  {}\n",
        measured.blocks.size(), time_text(measured.seconds), time_text(time.seconds), "shards", "done after",
        "machines' time that is work");
    for (const auto& c : time.choices)
        text += fmt::format("{:>7}  {:>14}  {:.0f} %\n", c.n_shard, time_text(c.seconds), 100 * c.efficiency);
    const int limit = time.limit_minutes;
    text +=
        fmt::format("\nFor {:g} h: {} shard(s), done after about {}, with a time limit of {}:{:02}:00:\n",
                    o.hours, time.proposed.n_shard, time_text(time.proposed.seconds), limit / 60, limit % 60);
    return text + fmt::format("  tiller submit --slurm -N {} --plan {} -o {} -- --time={}:{:02}:00\n",
                              time.proposed.n_shard, shell_word(o.plan),
                              o.out.empty() ? "RUN" : shell_word(o.out), limit / 60, limit % 60);
}

void plan_command(const PlanFlags& o, const Globals& globals, const std::string& command) {
    const Plan plan = load_plan(o.plan);
    ProgressSteps steps(globals.quiet);
    StudyHost host = study_host(globals, steps, true);
    host.command = command;
    const auto blocks = deal_blocks(plan, host, o.n_shard);
    nlohmann::json json = {{"blocks", json_of(blocks)}, {"shards", o.n_shard}};
    std::string text = blocks_text(blocks, o.n_shard);
    if (o.time) {
        std::optional<Scratch> scratch;
        if (o.out.empty()) scratch.emplace();
        const std::filesystem::path run = scratch ? scratch->path() / "run" : std::filesystem::path(o.out);
        const Measured measured = measure(plan, blocks.size(), run, host);
        steps.clear();
        const PlanTime time = plan_time(blocks, measured.seconds, measured.cost, o.hours * 3600);
        text += "\n" + time_table(time, measured, o);
        json["time"] = {{"measured_seconds", measured.seconds},
                        {"measured_blocks", measured.blocks},
                        {"seconds", time.seconds},
                        {"proposed", json_of(time.proposed)},
                        {"limit_minutes", time.limit_minutes},
                        {"choices", nlohmann::json::array()}};
        for (const auto& c : time.choices) json["time"]["choices"].push_back(json_of(c));
    }
    print(globals.json ? json.dump() + "\n" : text);
}

}  // namespace

void add_plan(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<PlanFlags>();
    auto* command = app.add_subcommand(
        "plan", "The blocks of a plan, how they are shared among machines, and how long they take");
    command->add_option("plan", o->plan, "Plan file (tiller compare --print-plan)")->required();
    command->add_option("-N,--shards", o->n_shard, "Shards to deal the blocks to")
        ->check(CLI::Range(1, 100000));
    command->add_flag("--time", o->time,
                      "Carry out the shortest block, and propose a number of shards and a time limit");
    command->add_option("--within", o->hours, "With --time: hours in which all should be done")
        ->check(CLI::Range(0.01, 10000.0));
    command->add_option("-o,--out", o->out,
                        "With --time: run folder that keeps what was computed (default: it is thrown away)");
    add_globals(*command, globals, kEngineFlags | kRowsFlag | kJsonFlag | kQuietFlag);
    command->callback([o, &globals, command] {
        if (!o->out.empty() && !o->time)
            throw Error(Code::usage, "-o keeps what --time computes; give --time as well, or leave it out");
        // The command that the block's record names: the whole run's, without shards.
        std::string typed = "tiller compare --plan " + shell_word(o->plan);
        if (!o->out.empty()) typed += " --out " + shell_word(o->out);
        plan_command(*o, globals, typed);
    });
}

}  // namespace tiller::cli
