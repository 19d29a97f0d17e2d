// tiller compare: the main job.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/chat_form_option.h"
#include "cli/common.h"
#include "cli/resumable.h"
#include "cli/run_folder.h"
#include "cli/shard.h"
#include "cli/stream.h"
#include "cli/task_option.h"
#include "core/memory.h"
#include "tasks/split_shares.h"
#include "tiller/error.h"
#include "tiller/report.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

struct CompareFlags {
    std::string plan, protocol, out = "runs/compare", data_dir, family;
    std::vector<std::string> models, tasks, methods, vectors;
    std::string title;
    int n_mean = 0, n_patch = 0, n_pairs = 0, n_shot = 0;
    std::vector<std::uint64_t> seeds;
    int n_test = 0, n_valid = 0;
    int tune = 0, folds = 0;
    std::string split;
    std::string choose_by;
    ChatFormOptions chat;
    std::string shard;
    bool quick = false, no_controls = false, print_plan = false, no_check = false;
};

// A first look: two tasks, few items, settings and draws.
void make_quick(Plan& plan) {
    plan.tasks = {"present-past", "sentiment_transfer"};
    plan.n_test = 30;
    plan.tuning.n_fold = 3, plan.tuning.n_setting = 12, plan.tuning.n_setting_behavioural = 4;
    plan.functional.n_mean = plan.behavioural.n_mean = 20;
    plan.functional.n_patch = plan.behavioural.n_patch = 10;
}

// The smallest difference, in points, between two methods' shares of right answers that n items can show at
// the 95 % level, assuming that the methods differ on half of the items.
int points_shown(int n_test) { return static_cast<int>(std::ceil(196 * std::sqrt(0.5 / n_test))); }

Plan plan_of(const CompareFlags& o, const Globals& globals, bool seed_given) {
    Plan plan =
        !o.plan.empty() ? load_plan(o.plan) : default_plan(o.protocol.empty() ? Plan{}.protocol : o.protocol);
    if (!o.protocol.empty() && o.protocol != plan.protocol)
        throw Error(Code::usage,
                    fmt::format("--protocol {}: the plan {} has protocol = \"{}\"; leave one of them out, or "
                                "change the plan",
                                o.protocol, o.plan, plan.protocol));
    if (plan.protocol != Plan{}.protocol &&
        (o.quick || o.folds > 0 || !o.split.empty() || !o.choose_by.empty()))
        throw Error(
            Code::usage,
            fmt::format("--quick, --folds, --split and --choose-by belong to the protocol {}, and the "
                        "plan's is {}; leave them out",
                        Plan{}.protocol, plan.protocol));
    if (o.quick) make_quick(plan);
    if (!o.models.empty()) plan.models = o.models;
    if (!o.tasks.empty()) plan.tasks = o.tasks;
    if (!o.methods.empty()) plan.methods = o.methods;
    for (const auto& file : o.vectors) add_vector(plan, file);
    if (!o.title.empty()) plan.title = o.title;
    for (ExtractionPlan* extraction : {&plan.functional, &plan.behavioural}) {
        if (o.n_mean > 0) extraction->n_mean = o.n_mean;
        if (o.n_patch > 0) extraction->n_patch = o.n_patch;
        if (o.n_pairs > 0) extraction->n_pairs = o.n_pairs;
        if (o.n_shot > 0) extraction->n_shot = o.n_shot;
    }
    if (!o.data_dir.empty()) plan.data_dir = o.data_dir;
    if (!o.family.empty()) plan.family = o.family;
    if (o.n_test > 0) plan.n_test = o.n_test;
    if (o.n_valid > 0) plan.n_valid = o.n_valid;
    if (o.folds > 0) plan.tuning.n_fold = o.folds;
    if (!o.split.empty()) plan.tuning.split = shares_from(o.split), plan.tuning.n_fold = 1;
    if (!o.choose_by.empty()) plan.tuning.choose_by = o.choose_by;
    if (o.chat.chat) plan.chat = true;
    if (!o.chat.template_file.empty()) plan.chat_template = o.chat.template_file;
    if (o.no_controls) plan.controls = false;
    if (o.tune > 0) {
        plan.tuning.n_setting = o.tune, plan.tuning.n_setting_behavioural = std::max(1, o.tune / 4);
        plan.tuning.oracle = true;
    }
    if (!o.seeds.empty()) plan.seeds = o.seeds;
    if (seed_given) plan.seeds = {globals.seed};
    check_plan(plan);
    return plan;
}

void compare(const CompareFlags& o, const Globals& globals, bool seed_given, const std::string& command) {
    const Plan plan = plan_of(o, globals, seed_given);
    if (o.print_plan) return print(plan_toml(plan));
    for (const auto& name : plan.tasks)
        if (is_task_file(name) && plan.family.empty()) say_family(load_task(name), globals);
    if (o.quick)
        note(globals,
             fmt::format("--quick is a first look: with {} items a task, differences of less than about "
                         "{} points cannot be shown. Leave it out for an answer",
                         plan.n_test, points_shown(plan.n_test)));
    ProgressSteps steps(globals.quiet);
    StudyHost host = study_host(globals, steps, !o.no_check);
    host.command = command;
    host.observer.task = [&](const TaskSummary& task) {
        steps.clear();
        if (!globals.json)
            print_styled(terminal_table(task, terminal_width(), prints_in_colour()) + "\n" +
                         headlines(task.analyses));
    };
    if (!o.shard.empty()) return carry_out_shard(plan, o.out, o.shard, host, globals, steps);
    Summary summary;
    try {
        summary = run_study(plan, o.out, host);
    } catch (const Error& e) {
        steps.clear();
        throw resumable(e, o.out);
    }
    steps.clear();
    write_reports(summary, o.out);
    if (globals.json) return print(to_json(summary) + "\n");
    print(end_of_run(summary, o.out) + fmt::format("Peak memory: {} MB\n", peak_memory() >> 20));
}

std::string names_below() {
    std::string text = "Methods:";
    for (const Method* method : methods())
        text += fmt::format("\n  {:17} {}", method->name(), method->summary());
    text += "\nProtocols:";
    for (const auto& [name, what] : protocol_list()) text += fmt::format("\n  {:17} {}", name, what);
    return text;
}

}  // namespace

void add_compare(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<CompareFlags>();
    auto* command = app.add_subcommand(
        "compare", "Compare methods on tasks: the main job (default plan: gemma3-270m, 5 tasks)");
    command->add_option("--plan", o->plan, "Plan file (TOML); flags below override it");
    std::vector<std::string> names;
    for (const auto& [name, what] : protocol_list()) names.push_back(name);
    command->add_option("--protocol", o->protocol, "One of those listed below (default: tuned)")
        ->check(CLI::IsMember(names));
    command->add_option("-m,--model", o->models,
                        "Known model names, GGUF paths or hf:user/repo[:quantisation or file]");
    command->add_option("-t,--task", o->tasks, "Task names or JSON files");
    command->add_option("--method", o->methods, "Methods, of those listed below (default: fv, icv)");
    command->add_option(
        "--vector", o->vectors,
        "Vectors that compete as they are, tuned by strength alone (GGUF, .npz, safetensors; other "
        "tools' as well)");
    command->add_option("-o,--out", o->out, "Run folder; the same command goes on where it was interrupted");
    command->add_option("--shard", o->shard,
                        "Carry out one of N parts, for many machines: i/N (0/4 to 3/4), or auto for what "
                        "Slurm, OpenMPI or PMI say; tiller merge puts them together");
    add_family_option(*command, o->family);
    command->add_option("--data-dir", o->data_dir, "Folder of task files (default: tiller's own)");
    add_chat_form_options(*command, o->chat);
    command->add_option("--title", o->title, "Title of the report");
    const auto count = [&](const char* flag, int& value, const char* what) {
        command->add_option(flag, value, fmt::format("{} (default: the plan's)", what))
            ->check(CLI::Range(1, 100000))
            ->default_str("");
    };
    count("--n-mean", o->n_mean, "Prompts for mean head outputs");
    count("--n-patch", o->n_patch, "Prompts for the causal effects");
    count("--n-pairs", o->n_pairs, "Pairs of texts");
    count("--shots", o->n_shot, "Demonstrations in each prompt of an extraction");
    command->add_option("--n-test", o->n_test, "Test items at most (default: the plan's)")
        ->check(CLI::Range(2, 1000000))
        ->default_str("");
    command->add_option("--n-valid", o->n_valid, "Validation items at most (default: the plan's)")
        ->check(CLI::Range(1, 1000000))
        ->default_str("");
    command
        ->add_flag("--tune{48}", o->tune,
                   "Try as many settings for every method (--tune=N; a quarter of them where text is "
                   "generated for each), and on the test items too: default, chosen and oracle scores")
        ->check(CLI::Range(1, 100000));
    command
        ->add_option("--folds", o->folds,
                     "Parts of the items that are tested in turn, by vectors extracted anew (1: one split; "
                     "default: the plan's)")
        ->check(CLI::Range(1, 1000))
        ->default_str("");
    command
        ->add_option("--split", o->split,
                     "One split in place of folds: training, validation and test in percent, like 60,10,30")
        ->excludes("--folds");
    command->add_option("--choose-by", o->choose_by,
                        "The score of answers that settings are chosen and methods judged by: first_token, "
                        "first_word, exact or contains (default: the plan's)");
    command->add_flag("--quick", o->quick, "A first look in about two minutes: two tasks, few items");
    command->add_option("--seeds", o->seeds, "Several seeds: the whole study for each, and all together")
        ->delimiter(',');
    command->add_flag("--no-controls", o->no_controls, "Leave out the controls");
    command->add_flag("--no-check", o->no_check,
                      "Do not check the models' hooks first (tiller doctor --fast)");
    command->add_flag("--print-plan", o->print_plan, "Print the plan as TOML and stop");
    add_globals(*command, globals);
    command->footer(names_below());
    command->callback([o, &globals, command] {
        compare(*o, globals, command->count("--seed") > 0, typed_command(*command, "--shard"));
    });
}

}  // namespace tiller::cli
