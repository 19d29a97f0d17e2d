// Another program, run without a shell and ended when the user interrupts.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tiller::cli {

struct ChildProcess {
    std::vector<std::string> command;        ///< The program, looked up in PATH, and its arguments.
    std::vector<std::string> settings = {};  ///< "NAME=value", over this process's environment.
    std::filesystem::path folder;            ///< Working folder.
    std::filesystem::path errors;            ///< File that takes its standard error.
    std::function<void(std::string_view)> output = {};  ///< Takes its standard output; may throw.
    std::function<void()> tick = {};                    ///< Called many times a second; may throw.
    std::function<void(int)> waiting = {};              ///< Called every ten seconds with the seconds so far.
};

/// Runs it to its end. Its exit code; 127 when there is no such program; 128 + the signal that ended it.
/// Throws interrupted (cli::interrupted was set) and whatever `output` or `tick` throws; the child has ended
/// then.
int run_child(const ChildProcess& child);

}  // namespace tiller::cli
