#include "cli/shard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/resumable.h"
#include "core/shell.h"
#include "tiller/error.h"

namespace tiller::cli {

Shard shard_of(const std::string& text) {
    return parse_shard(text, [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    });
}

std::string command_of(const std::string& command, const Shard& shard) {
    return command + " --shard " + shard.text();
}

void carry_out_shard(const Plan& plan, const std::string& folder, const std::string& text,
                     const StudyHost& host, const Globals& globals, ProgressSteps& steps) {
    const Shard shard = shard_of(text);
    if (!shard.source.empty()) note(globals, fmt::format("shard {}, from {}", shard.text(), shard.source));
    ShardResult result;
    try {
        result = run_shard(plan, folder, shard, host);
    } catch (const Error& e) {
        steps.clear();
        throw resumable(e, folder);
    }
    steps.clear();
    if (globals.json)
        print(nlohmann::json{{"shard", shard.index},
                             {"of", shard.count},
                             {"folder", result.folder.string()},
                             {"blocks", result.n_block},
                             {"done_before", result.n_before},
                             {"done", result.n_done},
                             {"failures", result.failures}}
                  .dump() +
              "\n");
    else
        print(
            fmt::format("\nShard {}: {} of {} blocks are done ({} by this start{}). When all shards are: "
                        "tiller merge {}\n",
                        shard.text(), result.n_before + result.n_done, result.n_block, result.n_done,
                        result.folder.empty() ? "" : ", in " + result.folder.string(), shell_word(folder)));
    if (!result.failures.empty())
        throw Error(Code::incomplete,
                    fmt::format("{} of {} blocks of shard {} failed:\n  {}", result.failures.size(),
                                result.n_block, shard.text(), fmt::join(result.failures, "\n  ")));
}

}  // namespace tiller::cli
