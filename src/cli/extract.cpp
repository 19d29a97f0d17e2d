// tiller extract fv|icv|concept-heads: makes a vector from a task, or from prompts given as a file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cli/common.h"
#include "cli/json_input.h"
#include "core/paths.h"
#include "core/util.h"
#include "methods/inputs.h"
#include "methods/provenance.h"
#include "study/concepts.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/method.h"

namespace tiller::cli {
namespace {

struct Options {
    std::string model, task, trials, pairs, positive, negative, out, data_dir;
    std::vector<std::string> beside;
    int heads = -1, layer = -1, n_mean = 100, n_patch = 25, n_shot = 10, n_pairs = 100, n_last = 4;
    float scale = 1, alpha = 1;
    bool special = false, no_special = false, no_post_norm = false, bias_per_head = false, keep_ends = false,
         no_check = false;
};

void check_strength(const char* flag, float value) {
    if (!std::isfinite(value))
        throw Error(Code::usage, fmt::format("{} is {}, expected a finite number", flag, value));
}

Task task_of(const Options& o, const std::string& name) {
    return find_task(name, o.data_dir.empty() ? data_dir() : std::filesystem::path(o.data_dir));
}
Task task_of(const Options& o) { return task_of(o, o.task); }

void check_heads(const Options& o, const ModelInfo& info) {
    if (o.layer >= info.n_layer)
        throw Error(Code::usage,
                    fmt::format("--layer {}: the model has layers 0 to {}", o.layer, info.n_layer - 1));
    if (o.heads > info.n_head_total())
        throw Error(Code::usage,
                    fmt::format("--heads {}: the model has {} heads", o.heads, info.n_head_total()));
}
// 0 is left to the library: the paper's.
int head_count(const Options& o, const ModelInfo& info) {
    return o.heads < 0 ? std::min(20, info.n_head_total()) : o.heads;
}

TrialsFile trials_of(const Options& o, const Globals& globals, std::string& name) {
    if (!o.trials.empty()) {
        name = std::filesystem::path(o.trials).filename().string();
        return read_trials(o.trials);
    }
    const Task task = task_of(o);
    name = task.name;
    return {
        make_trials(task, split_task(task, globals.seed).train, o.n_mean, o.n_patch, o.n_shot, globals.seed),
        task.control_names};
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
    return static_cast<int>(model.tokenize_prompt(longest).size());
}

void extract_fv(const Options& o, const Globals& globals) {
    check_output(o.out);
    check_strength("--scale", o.scale);
    std::string name;
    const auto [trials, control_names] = trials_of(o, globals, name);
    const auto model = open_model(o.model, globals, control_names);
    check_heads(o, model->info());
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
    options.n_heads = head_count(o, model->info());
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

void extract_concept_heads(const Options& o, const Globals& globals) {
    check_output(o.out);
    check_strength("--scale", o.scale);
    const Task task = task_of(o);
    std::vector<Task> others;
    for (const auto& name : o.beside) others.push_back(task_of(o, name));
    std::vector<Task> together = others;
    together.push_back(task);
    const Split split = split_task(task, globals.seed);
    const auto concepts =
        study::concepts_of(task, others, study::concept_catalogue(), split.train, globals.seed);
    for (const Task& other : others)
        if (std::none_of(concepts.begin(), concepts.end(),
                         [&](const ConceptForm& c) { return c.task.digest == other.digest; }))
            throw Error(
                Code::usage,
                fmt::format("--beside {} ({}) cannot stand beside {} ({}); expected at most four tasks, "
                            "all with one right answer or all of another style as the task itself",
                            other.name, family_name(other.family), task.name, family_name(task.family)));
    // One of each task and form; this also says whether there are items enough.
    std::vector<std::string> prompts;
    for (const auto& c : concepts)
        prompts.push_back(
            make_prompts(c.task, c.train, 1, o.n_shot, globals.seed, false, c.pieces).front().text);
    const auto model = open_model(o.model, globals, control_names_of(together));
    const ModelInfo& info = model->info();
    check_heads(o, info);
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    say_memory(engine.memory_need(longest_tokens(*model, prompts)), globals);
    check_hooks(engine, o, globals);
    const Method& method = find_method("concept-heads");
    ProgressLine line("similarity of heads", globals.quiet);
    MethodInput in{engine,       task,
                   split.train,  {},
                   globals.seed, {{"n_mean", o.n_mean}, {"n_patch", o.n_patch}, {"n_shot", o.n_shot}},
                   nullptr,      [&](std::size_t done, std::size_t all) { line.update(done, all); }};
    in.concepts = concepts;
    const SteeringVector base = method.extract(in);
    const int heads = head_count(o, info);
    SteeringVector vector =
        method.builder(*model, base)({{"heads", heads == 0 ? paper_head_count(info) : heads},
                                      {"layer", o.layer < 0 ? default_fv_layer(info.n_layer) : o.layer},
                                      {"scale", static_cast<double>(o.scale)}});
    vector.provenance.settings["checked"] = o.no_check ? "false" : "true";
    save_vector(vector, o.out);
    const auto& best = vector.heads.front();
    const auto& settings = vector.provenance.settings;
    note(globals, fmt::format("{}: vector of {} heads at layer {}; best head {}.{} with {} {:+.4f} (at most "
                              "{}), told from {} in the forms {}",
                              o.out, vector.heads.size(), vector.directions.begin()->first, best.layer,
                              best.head, head_score_name(vector), best.aie, settings.at("score_ceiling"),
                              settings.at("concepts"), settings.at("forms")));
}

void extract_icv(const Options& o, const Globals& globals) {
    check_output(o.out);
    check_strength("--alpha", o.alpha);
    PairsFile file;
    auto& pairs = file.pairs;
    std::string name;
    if (!o.pairs.empty()) {
        file = read_pairs(o.pairs);
        name = std::filesystem::path(o.pairs).filename().string();
    } else if (!o.positive.empty()) {
        pairs = read_text_pairs(o.positive, o.negative);
        name = std::filesystem::path(o.positive).filename().string();
        if (o.special || o.no_special)
            file.control_names = o.special ? ControlNames::parse : ControlNames::text;
    } else {
        const Task task = task_of(o);
        const Split split = split_task(task, globals.seed);
        const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
        pairs = make_pairs(task, split.train, o.n_pairs, unrelated, globals.seed, !o.keep_ends);
        name = task.name;
        file.control_names = task.control_names;
    }
    const auto model = open_model(o.model, globals, file.control_names);
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
    set_provenance(vector, model->info(), name, prompts_digest(pairs), globals.seed);
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

// Options of vectors that are sums of heads.
void add_heads(CLI::App& command, Options& o, const char* n_patch) {
    command.add_option("--heads", o.heads, "Heads to sum (default 20; 0 = the paper code's ceil(L*H/51.2))")
        ->check(CLI::Range(0, 1000000));
    command.add_option("--layer", o.layer, "Edit layer, counted from 0 (default ceil(L/3))")
        ->check(CLI::Range(0, 100000));
    command.add_option("--scale", o.scale, "Strength kept in the file as default");
    command.add_option("--n-mean", o.n_mean, "Prompts for the mean head outputs")
        ->check(CLI::Range(1, 100000));
    command.add_option("--n-patch", o.n_patch, n_patch)->check(CLI::Range(1, 100000));
    command.add_option("--shots", o.n_shot, "Demonstrations in each prompt")->check(CLI::Range(1, 1000));
}

}  // namespace

void add_extract(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<Options>();
    auto* extract = app.add_subcommand(
        "extract", "Make a vector: of a task's heads (fv, concept-heads) or of pairs (icv)");
    extract->require_subcommand(1);

    auto* fv = extract->add_subcommand(
        "fv", "Function vector by causal search over attention heads (arXiv 2310.15213)");
    add_common(*fv, *o, globals);
    auto* task = fv->add_option("-t,--task", o->task, "Task name or JSON file");
    auto* trials =
        fv->add_option("--trials", o->trials,
                       "JSON {\"mean\": [prompt], \"patch\": [{\"prompt\", \"target\"}]}, \"special\""
                       " where prompts hold control tokens");
    task->excludes(trials);
    add_heads(*fv, *o, "Prompts for the causal effects");
    fv->add_flag("--no-post-norm", o->no_post_norm,
                 "Leave out the post-norm correction (to see what it does)");
    fv->add_flag("--bias-per-head", o->bias_per_head,
                 "Add W_O's bias once per head, as the reference code does");
    fv->callback([o, &globals] {
        if (o->task.empty() && o->trials.empty())
            throw Error(Code::usage, "extract fv needs --task or --trials");
        extract_fv(*o, globals);
    });

    auto* concept_heads = extract->add_subcommand(
        "concept-heads", "Function vector of heads that tell tasks apart in every form (arXiv 2602.22424)");
    add_common(*concept_heads, *o, globals);
    concept_heads->add_option("-t,--task", o->task, "Task name or JSON file")->required();
    concept_heads->add_option("--beside", o->beside,
                              "Tasks to tell it from; filled up to four with tiller's own");
    add_heads(*concept_heads, *o, "Prompts of each task that are compared, spread over the forms");
    concept_heads->callback([o, &globals] { extract_concept_heads(*o, globals); });

    auto* icv = extract->add_subcommand("icv", "In-context vector from paired texts (arXiv 2311.06668)");
    add_common(*icv, *o, globals);
    auto* icv_task = icv->add_option("-t,--task", o->task, "Task name or JSON file");
    auto* pairs = icv->add_option("--pairs", o->pairs,
                                  "JSON [{\"negative\": text, \"positive\": text}], or .jsonl, .csv, .tsv");
    icv_task->excludes(pairs);
    auto* positive = icv->add_option("--positive", o->positive,
                                     "Texts, one a line (\\n in a line is a line break), as llama.cpp's "
                                     "cvector-generator takes them; with --negative");
    auto* negative = icv->add_option("--negative", o->negative, "Their counterparts, line by line");
    positive->needs(negative)->excludes(icv_task)->excludes(pairs);
    negative->needs(positive);
    auto* special =
        icv->add_flag("--special", o->special, "Names of control tokens in these texts are the tokens");
    special->needs(positive);
    icv->add_flag("--no-special", o->no_special,
                  "Names of control tokens in these texts are text like any other")
        ->needs(positive)
        ->excludes(special);
    icv->add_option("--n-pairs", o->n_pairs, "Pairs to use of a task")->check(CLI::Range(1, 100000));
    icv->add_option("--n-last,--last", o->n_last, "Tokens at the end whose mean is the latent state")
        ->check(CLI::Range(1, 100000));
    icv->add_option("--alpha", o->alpha, "Strength kept in the file as default");
    icv->add_flag("--keep-ends", o->keep_ends, "Do not strip \" .\" from the ends of a task's texts");
    icv->callback([o, &globals] {
        if (o->task.empty() && o->pairs.empty() && o->positive.empty())
            throw Error(Code::usage, "extract icv needs --task, --pairs, or --positive and --negative");
        extract_icv(*o, globals);
    });
}

}  // namespace tiller::cli
