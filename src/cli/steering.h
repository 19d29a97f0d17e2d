// Which vectors a command applies: files, or what a comparison chose.
#pragma once

#include <string>
#include <vector>

#include "cli/vector_argument.h"
#include "tiller/model.h"

namespace tiller::cli {

struct SteeringOptions {
    VectorOptions vectors;           ///< --vector FILE[:scale][:positions][@A-B], --layers
    std::string from, task, method;  ///< --from RUN --for TASK --method M
};

/// Adds --vector, --layers, --force, --from, --for and --method to a command.
void add_steering_options(CLI::App& command, SteeringOptions& options, Globals& globals);

/// The vectors as arguments of load_edits(): those of --vector, then the run's choice for this model. `task`
/// is used when --for is not given. Prints the run's choice and its test score to standard error. Throws
/// missing (no such folder, or no vectors in it), usage (no such task, method or model; the message lists the
/// existing ones).
std::vector<std::string> vector_arguments(const SteeringOptions& options, const ModelInfo& info,
                                          const Globals& globals, const std::string& task = "");

/// The edits of all of them.
std::vector<Edit> load_edits(const SteeringOptions& options, const ModelInfo& info, const Globals& globals);

}  // namespace tiller::cli
