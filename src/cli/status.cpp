// tiller status: the progress of machines that share a comparison.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "tiller/many.h"

namespace tiller::cli {
namespace {

using State = RunStatus::State;
constexpr State kStates[] = {State::done, State::running, State::silent, State::failed, State::waiting};

std::string line_of(const RunStatus::BlockStatus& b) {
    std::string text = fmt::format("{:8} {:5} {:40}", state_name(b.state), b.block.shard, b.block.text());
    if (b.state == State::done) return text + fmt::format(" {}, {}", time_text(b.seconds), b.host);
    if (b.state == State::waiting) return text;
    text += fmt::format(" {} on {}", b.attempt, b.host);
    if (b.state != State::failed)
        text += fmt::format(", {} units, last sign {} ago", b.n_unit, time_text(b.last_sign));
    return b.what.empty() ? text : text + "\n" + std::string(15, ' ') + b.what;
}

std::string table_of(const RunStatus& status, bool all) {
    std::string text = fmt::format("{} of {} blocks done", status.count(State::done), status.blocks.size());
    for (const State state : {State::running, State::silent, State::failed, State::waiting})
        if (const auto n = status.count(state); n > 0) text += fmt::format(", {} {}", n, state_name(state));
    text +=
        fmt::format("; {} of {} shards' workers wrote within 10 minutes\n", status.n_worker, status.n_shard);
    if (status.blocks_per_hour > 0) text += fmt::format("{:.1f} blocks an hour", status.blocks_per_hour);
    if (status.seconds_left > 0)
        text += fmt::format("{}about {} left, if every shard has a worker",
                            status.blocks_per_hour > 0 ? ", " : "", time_text(status.seconds_left));
    if (status.blocks_per_hour > 0 || status.seconds_left > 0) text += "\n";
    text += fmt::format("\n{:8} {:5} {}\n", "state", "shard", "block");
    for (const State state : {State::failed, State::silent, State::running, State::waiting, State::done}) {
        std::size_t n = 0;
        for (const auto& b : status.blocks) {
            if (b.state != state) continue;
            // All failures are shown, because somebody has to act on them.
            if (++n > 10 && !all && state != State::failed) continue;
            text += line_of(b) + "\n";
        }
        if (n > 10 && !all && state != State::failed)
            text += fmt::format("{:8}       and {} more (--all)\n", state_name(state), n - 10);
    }
    return text;
}

nlohmann::json json_of(const RunStatus& status) {
    nlohmann::json out = {{"shards", status.n_shard},
                          {"workers", status.n_worker},
                          {"blocks_per_hour", status.blocks_per_hour},
                          {"seconds_left", status.seconds_left < 0 ? nlohmann::json(nullptr)
                                                                   : nlohmann::json(status.seconds_left)},
                          {"blocks", nlohmann::json::array()}};
    for (const State state : kStates) out["counts"][state_name(state)] = status.count(state);
    for (const auto& b : status.blocks)
        out["blocks"].push_back({{"model", b.block.model},
                                 {"task", b.block.task},
                                 {"seed", b.block.seed},
                                 {"shard", b.block.shard},
                                 {"state", state_name(b.state)},
                                 {"host", b.host},
                                 {"attempt", b.attempt},
                                 {"what", b.what},
                                 {"seconds", b.seconds},
                                 {"last_sign", b.last_sign},
                                 {"units", b.n_unit}});
    return out;
}

}  // namespace

void add_status(CLI::App& app, Globals& globals) {
    struct Options {
        std::string folder;
        bool all = false;
    };
    auto o = std::make_shared<Options>();
    auto* command = app.add_subcommand(
        "status", "How far the machines are that share a comparison: blocks, rate, time left");
    command->add_option("run", o->folder, "Run folder of `tiller compare --shard`")->required();
    command->add_flag("--all", o->all, "All blocks, not the first ten of each state");
    add_globals(*command, globals, kJsonFlag);
    command->callback([o, &globals] {
        const RunStatus status = run_status(o->folder);
        print(globals.json
                  ? json_of(status).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                  : table_of(status, o->all));
    });
}

}  // namespace tiller::cli
