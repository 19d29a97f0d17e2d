// tiller sweep, tiller heads: function vectors over layers, heads and strengths, and heads over tasks.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/resumable.h"
#include "core/paths.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/sweep.h"
#include "tiller/universal_heads.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;

struct SweepFlags {
    std::string model, out, data_dir, heads = "default", layers, scales = "1,2,4";
    std::vector<std::string> tasks;
    int n_test = 40, n_valid = 20, n_shot = 10, top = 0;
    ExtractionPlan extraction = {};
    bool no_check = false;
};

// "1,2,5"; the word `all` gives an empty list, which means the default.
std::vector<double> list_of(const std::string& flag, const std::string& text, const std::string& all) {
    std::vector<double> values;
    if (!all.empty() && text == all) return values;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        const std::string part = text.substr(begin, end - begin);
        char* rest = nullptr;
        const double value = std::strtod(part.c_str(), &rest);
        if (part.empty() || rest != part.c_str() + part.size() || !std::isfinite(value))
            throw Error(Code::usage,
                        fmt::format("{} has \"{}\", expected numbers with commas between, like 1,2,4{}", flag,
                                    part, all.empty() ? "" : ", or the word " + all));
        values.push_back(value);
        begin = end + 1;
    }
    return values;
}

std::vector<int> counts_of(const std::string& flag, const std::string& text, const std::string& all) {
    std::vector<int> out;
    for (const double v : list_of(flag, text, all)) {
        if (v != std::floor(v) || std::abs(v) > 1e6)
            throw Error(Code::usage, fmt::format("{} has {}, expected whole numbers", flag, v));
        out.push_back(static_cast<int>(v));
    }
    return out;
}

Task task_of(const SweepFlags& o, const std::string& name) {
    return find_task(name, o.data_dir.empty() ? data_dir() : fs::path(o.data_dir));
}

// Runs `work`; an interruption becomes an error that says how to resume.
template <class Work>
auto with_steps(const SweepFlags& o, const Globals& globals, Work work) {
    ProgressSteps steps(globals.quiet);
    try {
        return work([&](const std::string& what, std::size_t done, std::size_t all) {
            steps.update(what, done, all);
        });
    } catch (const Error& e) {
        steps.clear();
        throw resumable(e, o.out);
    }
}

std::string places(const std::string& folder, std::initializer_list<const char*> files) {
    std::string text = "\n";
    for (const char* file : files) text += (fs::absolute(folder).lexically_normal() / file).string() + "\n";
    return text;
}

void sweep(const SweepFlags& o, const Globals& globals) {
    SweepPlan plan;
    plan.heads = counts_of("--heads", o.heads, "default");
    plan.layers = counts_of("--layers", o.layers, "all");
    plan.scales = list_of("--scales", o.scales, "");
    plan.n_test = o.n_test, plan.n_shot = o.n_shot, plan.extraction = o.extraction;
    plan.seed = globals.seed, plan.check = !o.no_check, plan.n_gpu_layers = globals.gpu_layers;
    const Task task = task_of(o, o.tasks.at(0));
    Engine engine = make_engine(open_model(o.model, globals, task.control_names), globals);
    engine.cancel_with(&interrupted);
    const Sweep result = with_steps(o, globals, [&](const StepProgress& progress) {
        return run_sweep(engine, task, plan, o.out, progress);
    });
    const fs::path folder = o.out;
    const std::string as_json = sweep_json(result);
    write_file_atomic(folder / "sweep.json", as_json);
    write_file_atomic(folder / "sweep.csv", sweep_csv(result));
    write_file_atomic(folder / "sweep.html", sweep_html(result));
    print(globals.json ? as_json
                       : sweep_table(result) + places(o.out, {"sweep.html", "sweep.csv", "sweep.json"}));
}

void heads(const SweepFlags& o, const Globals& globals) {
    HeadsPlan plan;
    plan.top_k = o.top;
    plan.layers = counts_of("--layers", o.layers, "default");
    plan.scales = list_of("--scales", o.scales, "");
    plan.n_test = o.n_test, plan.n_valid = o.n_valid, plan.extraction = o.extraction;
    plan.seed = globals.seed, plan.check = !o.no_check, plan.n_gpu_layers = globals.gpu_layers;
    std::vector<Task> tasks;
    for (const auto& name : o.tasks) tasks.push_back(task_of(o, name));
    Engine engine = make_engine(open_model(o.model, globals, control_names_of(tasks)), globals);
    engine.cancel_with(&interrupted);
    const HeadsAcrossTasks result = with_steps(o, globals, [&](const StepProgress& progress) {
        return compare_heads(engine, tasks, plan, o.out, progress);
    });
    const fs::path folder = o.out;
    const std::string as_json = heads_json(result);
    write_file_atomic(folder / "heads.json", as_json);
    write_file_atomic(folder / "heads.html", heads_html(result));
    print(globals.json ? as_json : heads_table(result) + places(o.out, {"heads.html", "heads.json"}));
}

void add_common(CLI::App& command, SweepFlags& o, Globals& globals) {
    command.add_option("-m,--model", o.model, kModelHelp)->required();
    command
        .add_option("-o,--out", o.out,
                    "Folder for results; the same command goes on where it was interrupted")
        ->required();
    command.add_option("--data-dir", o.data_dir, "Folder of task files (default: tiller's own)");
    command.add_option("--scales", o.scales, "Strengths, with commas between")->capture_default_str();
    command.add_option("--n-test", o.n_test, "Test items at most")
        ->check(CLI::Range(2, 1000000))
        ->capture_default_str();
    command.add_option("--n-mean", o.extraction.n_mean, "Head search: prompts for the mean head outputs")
        ->check(CLI::Range(1, 1000000));
    command.add_option("--n-patch", o.extraction.n_patch, "Head search: prompts with shuffled labels")
        ->check(CLI::Range(1, 1000000));
    command.add_flag("--no-check", o.no_check, "Do not check the model's hooks first (tiller doctor --fast)");
    add_globals(command, globals);
}

}  // namespace

void add_sweep(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<SweepFlags>();
    o->layers = "all";
    auto* command = app.add_subcommand(
        "sweep", "A function vector at every layer, number of heads and strength, in three contexts");
    o->tasks.resize(1);
    command->add_option("-t,--task", o->tasks[0], "Task name or JSON file")->required();
    command->add_option("--heads", o->heads, "Numbers of heads, with commas between, or default")
        ->capture_default_str();
    command->add_option("--layers", o->layers, "Edit layers counted from 0, with commas between, or all")
        ->capture_default_str();
    command
        ->add_option("--shots", o->n_shot,
                     "Examples of the shuffled-label prompts and of the prompts that filter items")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_option("--search-shots", o->extraction.n_shot, "Head search: examples in each prompt")
        ->check(CLI::Range(1, 1000));
    add_common(*command, *o, globals);
    command->callback([o, &globals] { sweep(*o, globals); });
}

void add_heads(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<SweepFlags>();
    o->layers = "default";
    auto* command = app.add_subcommand(
        "heads", "Heads that several tasks share, and each task's function vector on the others");
    command->add_option("-t,--task", o->tasks, "Task names or JSON files, at least two")->required();
    command->add_option("--top", o->top, "Heads of a set and of a vector (0 = the paper's number)")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command->add_option("--layers", o->layers, "Grid of edit layers, with commas between, or default")
        ->capture_default_str();
    command->add_option("--n-valid", o->n_valid, "Validation items at most")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    command->add_option("--shots", o->extraction.n_shot, "Head search: examples in each prompt")
        ->check(CLI::Range(1, 1000));
    add_common(*command, *o, globals);
    command->callback([o, &globals] { heads(*o, globals); });
}

}  // namespace tiller::cli
