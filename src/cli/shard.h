// One worker of a study that several machines share, as `tiller compare --shard` runs it.
#pragma once

#include <string>

#include "cli/common.h"
#include "tiller/many.h"
#include "tiller/study.h"

namespace tiller::cli {

/// "i/N", or what the environment's variables say for "auto". Throws usage.
Shard shard_of(const std::string& text);

/// `command` with the shard: what makes the shard's blocks.
std::string command_of(const std::string& command, const Shard& shard);

/// Computes the shard in `folder` and prints a summary; throws the first failure after all blocks were tried.
void carry_out_shard(const Plan& plan, const std::string& folder, const std::string& shard,
                     const StudyHost& host, const Globals& globals, ProgressSteps& steps);

}  // namespace tiller::cli
