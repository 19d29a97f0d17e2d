#include "cli/steering.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "core/near_names.h"
#include "report/escape.h"
#include "report/numbers.h"
#include "tiller/task.h"
#include "vectors/reject.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;

struct Winner {
    fs::path file;
    SteeringVector vector;

    std::string setting(const std::string& key) const {
        const auto it = vector.provenance.settings.find("winner." + key);
        return it == vector.provenance.settings.end() ? "" : it->second;
    }
    // "1 of 3"; text that is not a number sorts last.
    int place() const {
        const int place = std::atoi(setting("place").c_str());
        return place > 0 ? place : 1 << 30;
    }
    bool counts() const { return setting("counts") == "true"; }
};

using Winners = std::vector<Winner>;

// Sorted by file name, so that ties are broken the same way on every machine.
Winners winners_in(const fs::path& run) {
    std::error_code error;
    if (!fs::is_directory(run, error))
        throw Error(Code::missing, fmt::format("there is no run folder {}", run.string()), Topic::run_folder);
    Winners winners;
    for (const auto& entry : fs::directory_iterator(run / "winners", error))
        if (entry.path().extension() == ".gguf" && entry.is_regular_file(error))
            winners.push_back({entry.path(), load_vector(entry.path())});
    std::erase_if(winners, [](const Winner& winner) { return winner.setting("place").empty(); });
    std::sort(winners.begin(), winners.end(), [](const auto& a, const auto& b) { return a.file < b.file; });
    if (winners.empty())
        throw Error(
            Code::missing,
            fmt::format("{} holds no chosen vectors (winners/*.gguf); `tiller compare` writes them when a "
                        "task is done, and for a folder of an older version when the same command is "
                        "given again",
                        run.string()));
    return winners;
}

template <class Name>
std::vector<std::string> names_of(const Winners& winners, const Name& name) {
    std::set<std::string> names;
    for (const auto& winner : winners) names.insert(name(winner));
    return {names.begin(), names.end()};
}

// Names come from files.
std::string list_of(const std::vector<std::string>& names) {
    std::vector<std::string> shown;
    for (const auto& name : names) shown.push_back(printable(name));
    return fmt::format("{}", fmt::join(shown, ", "));
}

// The winners with that name, or an error that lists the existing names.
template <class Name>
Winners only(Winners winners, const fs::path& run, const char* what, const std::string& wanted,
             const Name& name) {
    const auto known = names_of(winners, name);
    if (std::find(known.begin(), known.end(), wanted) == known.end()) {
        const auto near = near_names(wanted, known);
        throw Error(Code::usage,
                    fmt::format("{} has no chosen vector {} {}{}; it has them {} {}", run.string(), what,
                                printable(wanted),
                                near.empty() ? "" : fmt::format(", did you mean {}?", list_of(near)), what,
                                list_of(known)));
    }
    std::erase_if(winners, [&](const Winner& winner) { return name(winner) != wanted; });
    return winners;
}

const std::string& task_of(const Winner& winner) { return winner.vector.provenance.task; }
const std::string& method_of(const Winner& winner) { return winner.vector.method; }

std::string wanted_task(const SteeringOptions& o, const Winners& winners, const std::string& task) {
    if (is_task_file(o.task)) return fs::path(o.task).stem().string();
    if (!o.task.empty()) return o.task;
    if (!task.empty()) return task;
    const auto tasks = names_of(winners, task_of);
    if (tasks.size() == 1) return tasks.front();
    throw Error(Code::usage,
                fmt::format("--from {}: the run has vectors for several tasks; name one with --for: {}",
                            o.from, list_of(tasks)));
}

Winners of_model(Winners winners, const SteeringOptions& o, const ModelInfo& info, bool force) {
    const auto is_other = [&](const Winner& winner) { return !is_model_of(winner.vector.provenance, info); };
    if (std::all_of(winners.begin(), winners.end(), is_other)) {
        if (force) return winners;
        throw Error(Code::usage,
                    fmt::format("the vectors of {} are of the model {}, not of {} (the files differ)", o.from,
                                list_of(names_of(
                                    winners, [](const Winner& w) { return w.vector.provenance.model_name; })),
                                printable(info.name)),
                    Topic::model);
    }
    std::erase_if(winners, is_other);
    return winners;
}

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

std::string quality_of(const Winner& winner) {
    std::string text =
        fmt::format("{}: {}", winner.file.string(), report::terminal_text(winner.setting("setting")));
    if (winner.setting("score").empty()) return text;
    const std::string metric = winner.setting("metric");
    text += fmt::format(", {} {:.2f} [{:.2f}, {:.2f}] on {:.0f} test items",
                        report::terminal_text(report::metric_label(metric)), number(winner.setting("score")),
                        number(winner.setting("low")), number(winner.setting("high")),
                        number(winner.setting("n")));
    if (!winner.setting("zero_shot").empty())
        text += fmt::format(" (zero-shot {:.2f})", number(winner.setting("zero_shot")));
    if (!winner.setting("broken").empty())
        text += fmt::format(", {:.0f} % of texts broken", 100 * number(winner.setting("broken")));
    return text;
}

const Winner& chosen_of(const Winners& winners) {
    return *std::min_element(winners.begin(), winners.end(),
                             [](const auto& a, const auto& b) { return a.place() < b.place(); });
}

}  // namespace

void add_steering_options(CLI::App& command, SteeringOptions& o, Globals& globals) {
    add_vector_options(command, o.vectors, globals);
    auto* from = command.add_option("--from", o.from, "Run folder of `tiller compare`: the vector it chose");
    command.add_option("--for", o.task, "The task that it is for")->needs(from);
    command.add_option("--method", o.method, "Its method (default: the one with the best score)")
        ->needs(from);
}

std::vector<std::string> vector_arguments(const SteeringOptions& o, const ModelInfo& info,
                                          const Globals& globals, const std::string& task) {
    std::vector<std::string> arguments = o.vectors.vectors;
    if (o.from.empty()) return arguments;
    Winners winners = winners_in(o.from);
    const std::string wanted = wanted_task(o, winners, task);
    winners = only(std::move(winners), o.from, "for the task", wanted, task_of);
    winners = of_model(std::move(winners), o, info, globals.force);
    if (!o.method.empty()) winners = only(std::move(winners), o.from, "of the method", o.method, method_of);
    const Winner& chosen = chosen_of(winners);
    note(globals, quality_of(chosen));
    if (!chosen.counts())
        warn(fmt::format("{}: {} is not shown to work for {}: see the run's verdict", o.from,
                         report::terminal_text(chosen.vector.method), printable(wanted)));
    arguments.push_back(chosen.file.string());
    return arguments;
}

std::vector<Edit> load_edits(const SteeringOptions& o, const ModelInfo& info, const Globals& globals) {
    return load_edits(vector_arguments(o, info, globals), info, globals, o.vectors.layers);
}

}  // namespace tiller::cli
