// tiller extract fv|icv: makes a vector from a task, or from prompts given as a file.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "cli/common.h"
#include "cli/json_input.h"
#include "core/paths.h"
#include "core/util.h"
#include "methods/provenance.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller::cli {
namespace {

struct Options {
    std::string model, task, trials, pairs, out, data_dir;
    int heads = -1, layer = -1, n_mean = 100, n_patch = 25, n_shot = 10, n_pairs = 100, n_last = 4;
    float scale = 1, alpha = 1;
    bool no_post_norm = false, bias_per_head = false, keep_ends = false, no_check = false;
};

void check_strength(const char* flag, float value) {
    if (!std::isfinite(value))
        throw Error(Code::usage, fmt::format("{} is {}, expected a finite number", flag, value));
}

Task task_of(const Options& o) {
    return find_task(o.task, o.data_dir.empty() ? data_dir() : std::filesystem::path(o.data_dir));
}

FvTrials trials_of(const Options& o, const Globals& globals, std::string& name) {
    if (!o.trials.empty()) {
        name = std::filesystem::path(o.trials).filename().string();
        return read_trials(o.trials);
    }
    const Task task = task_of(o);
    name = task.name;
    return make_trials(task, split_task(task, globals.seed).train, o.n_mean, o.n_patch, o.n_shot,
                       globals.seed);
}

// Refuses a model whose hooks do not do what they say, before minutes of work.
void check_hooks(Engine& engine, const Options& o, const Globals& globals) {
    if (o.no_check) return;
    DoctorOptions options;
    options.fast = true;
    ProgressLine line("check of the hooks", globals.quiet);
    require_passed(
        diagnose(engine, options, [&](std::size_t done, std::size_t all) { line.update(done, all); }),
        engine.info());
}

// Tokens of the longest text. Only the longest in bytes is tokenised: the need is an estimate.
template <class Texts>
int longest_tokens(const Model& model, const Texts& texts) {
    std::string_view longest;
    for (const std::string_view text : texts)
        if (text.size() > longest.size()) longest = text;
    return static_cast<int>(model.tokenize(longest).size());
}

void extract_fv(const Options& o, const Globals& globals) {
    check_output(o.out);
    check_strength("--scale", o.scale);
    std::string name;
    const FvTrials trials = trials_of(o, globals, name);
    const auto model = open_model(o.model, globals);
    if (o.layer >= model->info().n_layer)
        throw Error(Code::usage, fmt::format("--layer {}: the model has layers 0 to {}", o.layer,
                                             model->info().n_layer - 1));
    if (o.heads > model->info().n_head_total())
        throw Error(Code::usage,
                    fmt::format("--heads {}: the model has {} heads", o.heads, model->info().n_head_total()));
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    std::vector<std::string_view> patched;
    for (const auto& trial : trials.patch) patched.push_back(trial.prompt);
    say_memory(engine.memory_need(longest_tokens(*model, trials.mean), longest_tokens(*model, patched),
                                  model->info().n_head_total() + 1),
               globals);
    check_hooks(engine, o, globals);
    ProgressLine line("head search", globals.quiet);
    const HeadSearch search = search_heads(
        engine, trials, nullptr, [&](std::size_t done, std::size_t all) { line.update(done, all); });
    FvOptions options;
    options.n_heads = o.heads < 0 ? std::min(20, model->info().n_head_total()) : o.heads;
    options.layer = o.layer;
    options.scale = o.scale;
    options.contributions = {!o.no_post_norm, o.bias_per_head};
    SteeringVector vector = function_vector(*model, search, options);
    set_provenance(vector, model->info(), name, prompts_digest(trials), globals.seed);
    vector.provenance.settings["n_mean"] = std::to_string(trials.mean.size());
    vector.provenance.settings["n_patch"] = std::to_string(trials.patch.size());
    vector.provenance.settings["checked"] = o.no_check ? "false" : "true";
    save_vector(vector, o.out);
    const auto& best = vector.heads.front();
    note(globals,
         fmt::format(
             "{}: function vector of {} heads at layer {}; best head {}.{} with AIE {:+.4f} (noise {:.4f})",
             o.out, vector.heads.size(), vector.directions.begin()->first, best.layer, best.head, best.aie,
             search.noise));
}

void extract_icv(const Options& o, const Globals& globals) {
    check_output(o.out);
    check_strength("--alpha", o.alpha);
    std::vector<Pair> pairs;
    std::string name;
    if (!o.pairs.empty()) {
        pairs = read_pairs(o.pairs);
        name = std::filesystem::path(o.pairs).filename().string();
    } else {
        const Task task = task_of(o);
        const Split split = split_task(task, globals.seed);
        const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
        pairs = make_pairs(task, split.train, o.n_pairs, unrelated, globals.seed, !o.keep_ends);
        name = task.name;
    }
    Digest digest;
    for (const auto& pair : pairs) digest.add(pair.negative).add(pair.positive);
    const auto model = open_model(o.model, globals);
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    std::vector<std::string_view> texts;
    for (const auto& pair : pairs) texts.insert(texts.end(), {pair.negative, pair.positive});
    say_memory(engine.memory_need(longest_tokens(*model, texts)), globals);
    check_hooks(engine, o, globals);
    ProgressLine line("pairs", globals.quiet);
    SteeringVector vector =
        in_context_vector(engine, pairs, {o.n_last, o.alpha},
                          [&](std::size_t done, std::size_t all) { line.update(done, all); });
    set_provenance(vector, model->info(), name, digest.hex(), globals.seed);
    vector.provenance.settings["checked"] = o.no_check ? "false" : "true";
    save_vector(vector, o.out);
    note(globals,
         fmt::format("{}: in-context vector of {} pairs; the first direction explains {} of the variance",
                     o.out, pairs.size(), vector.provenance.settings["explained_variance"]));
}

void add_common(CLI::App& command, Options& o, Globals& globals) {
    command.add_option("-m,--model", o.model, "Known model name or GGUF path")->required();
    command.add_option("-o,--output", o.out, "Vector file to write (GGUF)")->required();
    command.add_option("--data-dir", o.data_dir, "Folder of task files (default: tiller's own)");
    command.add_flag("--no-check", o.no_check, "Do not check the model's hooks first (tiller doctor --fast)");
    add_globals(command, globals);
}

}  // namespace

void add_extract(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<Options>();
    auto* extract =
        app.add_subcommand("extract", "Make a function vector (fv) or an in-context vector (icv)");
    extract->require_subcommand(1);

    auto* fv = extract->add_subcommand(
        "fv", "Function vector by causal search over attention heads (arXiv 2310.15213)");
    add_common(*fv, *o, globals);
    auto* task = fv->add_option("-t,--task", o->task, "Task name or JSON file");
    auto* trials = fv->add_option("--trials", o->trials,
                                  "JSON {\"mean\": [prompt], \"patch\": [{\"prompt\", \"target\"}]}");
    task->excludes(trials);
    fv->add_option("--heads", o->heads, "Heads to sum (default 20; 0 = the paper code's ceil(L*H/51.2))")
        ->check(CLI::Range(0, 1000000));
    fv->add_option("--layer", o->layer, "Edit layer, counted from 0 (default ceil(L/3))")
        ->check(CLI::Range(0, 100000));
    fv->add_option("--scale", o->scale, "Strength kept in the file as default");
    fv->add_option("--n-mean", o->n_mean, "Prompts for the mean head outputs")->check(CLI::Range(1, 100000));
    fv->add_option("--n-patch", o->n_patch, "Prompts for the causal effects")->check(CLI::Range(1, 100000));
    fv->add_option("--shots", o->n_shot, "Demonstrations in each prompt")->check(CLI::Range(1, 1000));
    fv->add_flag("--no-post-norm", o->no_post_norm,
                 "Leave out the post-norm correction (to see what it does)");
    fv->add_flag("--bias-per-head", o->bias_per_head,
                 "Add W_O's bias once per head, as the reference code does");
    fv->callback([o, &globals] {
        if (o->task.empty() && o->trials.empty())
            throw Error(Code::usage, "extract fv needs --task or --trials");
        extract_fv(*o, globals);
    });

    auto* icv = extract->add_subcommand("icv", "In-context vector from paired texts (arXiv 2311.06668)");
    add_common(*icv, *o, globals);
    auto* icv_task = icv->add_option("-t,--task", o->task, "Task name or JSON file");
    auto* pairs = icv->add_option("--pairs", o->pairs, "JSON [{\"negative\": text, \"positive\": text}]");
    icv_task->excludes(pairs);
    icv->add_option("--n-pairs", o->n_pairs, "Pairs to use of a task")->check(CLI::Range(1, 100000));
    icv->add_option("--n-last,--last", o->n_last, "Tokens at the end whose mean is the latent state")
        ->check(CLI::Range(1, 100000));
    icv->add_option("--alpha", o->alpha, "Strength kept in the file as default");
    icv->add_flag("--keep-ends", o->keep_ends, "Do not strip \" .\" from the ends of a task's texts");
    icv->callback([o, &globals] {
        if (o->task.empty() && o->pairs.empty())
            throw Error(Code::usage, "extract icv needs --task or --pairs");
        extract_icv(*o, globals);
    });
}

}  // namespace tiller::cli
