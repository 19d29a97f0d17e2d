// tiller merge: one run of what many machines computed.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/run_folder.h"
#include "cli/shard.h"
#include "tiller/many.h"

namespace tiller::cli {

void add_merge(CLI::App& app, Globals& globals) {
    struct Options {
        std::string folder;
        bool allow_mixed = false;
    };
    auto o = std::make_shared<Options>();
    auto* command = app.add_subcommand(
        "merge", "Put the shards of a comparison together: records and reports as of a run in one piece");
    command->add_option("run", o->folder, "Run folder of `tiller compare --shard`")->required();
    command->add_flag("--allow-mixed", o->allow_mixed,
                      "Also merge blocks of machines that compute differently, and say in records and report "
                      "which are whose");
    add_globals(*command, globals, kJsonFlag | kQuietFlag);
    command->callback([o, &globals] {
        const MergeResult result = merge_run(o->folder, {o->allow_mixed, "--allow-mixed", command_of});
        write_reports(result.summary, o->folder);
        for (const auto& text : result.notes) note(globals, text);
        if (globals.json)
            return print(nlohmann::json{{"blocks", result.n_block},
                                        {"workers", result.n_worker},
                                        {"notes", result.notes},
                                        {"second_pass", result.second_pass},
                                        {"folder", o->folder}}
                             .dump() +
                         "\n");
        std::string text =
            fmt::format("Merged {} blocks of {} workers.\n\n", result.n_block, result.n_worker) +
            end_of_run(result.summary, o->folder);
        if (result.second_pass)
            text += fmt::format(
                "This protocol goes through the models twice, and shards are of the first pass. The same "
                "command without a shard makes the second from here: {}\n",
                result.command);
        print(text);
    });
}

}  // namespace tiller::cli
