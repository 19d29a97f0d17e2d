// tiller extract METHOD: one extraction, one setting.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string_view>

#include "cli/extract.h"
#include "cli/extract_settings.h"
#include "cli/json_input.h"
#include "cli/task_option.h"
#include "core/paths.h"
#include "methods/concepts.h"
#include "study/tune.h"
#include "tiller/chat_form.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

// What a method is to read. A file of pairs or trials takes the task's place and gives its name.
struct Source {
    Task task;
    std::vector<int> train;
    PairsFile pairs;
    TrialsFile trials;
    std::vector<ConceptForm> concepts;
    ControlNames control_names = ControlNames::refuse;
    Setting counts;
};

Task task_named(const ExtractOptions& o, const std::string& name, const Globals& globals) {
    return given_task(name, o.data_dir, name == o.task ? o.family : "", globals);
}

// As `tiller compare` has them for the family, unless they were given.
Setting counts_of(const ExtractOptions& o, const Source& source) {
    const Plan plan;
    const auto& usual = source.task.family == Family::behavioural ? plan.behavioural : plan.functional;
    const auto or_usual = [](int given, int value) { return static_cast<double>(given > 0 ? given : value); };
    const int n_pairs =
        source.pairs.pairs.empty() ? usual.n_pairs : static_cast<int>(source.pairs.pairs.size());
    return {{"n_mean", or_usual(o.n_mean, usual.n_mean)},
            {"n_patch", or_usual(o.n_patch, usual.n_patch)},
            {"n_shot", or_usual(o.n_shot, usual.n_shot)},
            {"n_pairs", or_usual(o.n_pairs, n_pairs)}};
}

Source file_source(const ExtractOptions& o) {
    Source source;
    const std::string& pairs = o.pairs.empty() ? o.positive : o.pairs;
    if (!pairs.empty()) {
        if (!o.pairs.empty())
            source.pairs = read_pairs(o.pairs);
        else
            source.pairs = {read_text_pairs(o.positive, o.negative), o.special      ? ControlNames::parse
                                                                     : o.no_special ? ControlNames::text
                                                                                    : ControlNames::refuse};
        source.control_names = source.pairs.control_names;
        source.task.family = Family::behavioural;  // a pair is a text and the same in another style
    } else {
        source.trials = read_trials(o.trials);
        source.control_names = source.trials.control_names;
    }
    source.task.name = std::filesystem::path(pairs.empty() ? o.trials : pairs).filename().string();
    source.counts = counts_of(o, source);
    return source;
}

Source task_source(const Method& method, const ExtractOptions& o, const Globals& globals) {
    Source source;
    source.task = task_named(o, o.task, globals);
    const Task& task = source.task;
    source.train = split_task(task, globals.seed).train;
    source.counts = counts_of(o, source);
    std::vector<Task> others;
    for (const auto& name : o.beside) others.push_back(task_named(o, name, globals));
    std::vector<Task> together = others;
    together.push_back(task);
    source.control_names = control_names_of(together);
    if (!method.wants_concepts()) return source;
    source.concepts = concepts_of(task, others, concept_catalogue(), source.train, globals.seed);
    for (const Task& other : others)
        if (std::none_of(source.concepts.begin(), source.concepts.end(),
                         [&](const ConceptForm& c) { return c.task.digest == other.digest; }))
            throw Error(
                Code::usage,
                fmt::format("--beside {} ({}) cannot stand beside {} ({}); expected at most four tasks, "
                            "all with one right answer or all of another style as the task itself",
                            other.name, family_name(other.family), task.name, family_name(task.family)));
    return source;
}

Setting given_setting(const ExtractOptions& o) {
    Setting given = parse_settings(o.set);
    const auto also = [&](const char* name, double value) {
        if (!given.emplace(name, value).second)
            throw Error(Code::usage, fmt::format("{} is given twice: by --set and by --{}", name, name));
    };
    if (o.heads > 0) also("heads", o.heads);
    if (o.layer >= 0) also("layer", o.layer);
    if (o.scale) also("scale", *o.scale);
    if (o.alpha) also("alpha", *o.alpha);
    return given;
}

// Tokens of the longest text. Only the longest in bytes is tokenised: the need is an estimate.
int longest_tokens(const Model& model, const std::vector<std::string>& texts) {
    std::string_view longest;
    for (const std::string_view text : texts)
        if (text.size() > longest.size()) longest = text;
    return static_cast<int>(model.tokenize_prompt(longest).size());
}

// The memory that the longest text needs. Making the texts also checks that there are enough items.
MemoryNeed need_of(Engine& engine, const Method& method, const MethodInput& in) {
    const Model& model = engine.model();
    const auto count = [&](const char* name) { return static_cast<int>(in.options.at(name)); };
    std::vector<std::string> texts, patched;
    if (in.trials) {
        texts = in.trials->mean;
        for (const auto& trial : in.trials->patch) patched.push_back(trial.prompt);
    } else if (!in.concepts.empty()) {
        for (const auto& c : in.concepts)
            texts.push_back(
                make_prompts(c.task, c.train, 1, count("n_shot"), in.seed, false, c.pieces).front().text);
    } else if (reads(method, "n_patch")) {
        const FvTrials trials = make_trials(in.task, in.train, count("n_mean"), count("n_patch"),
                                            count("n_shot"), in.seed, {}, in.form);
        texts = trials.mean;
        for (const auto& trial : trials.patch) patched.push_back(trial.prompt);
    } else if (reads(method, "n_mean") && in.task.family != Family::behavioural) {
        for (const auto& prompt :
             make_prompts(in.task, in.train, count("n_mean"), count("n_shot"), in.seed, false, in.form))
            texts.push_back(prompt.text);
    }
    if (reads(method, "n_pairs") && texts.empty()) {
        std::vector<Pair> pairs(in.pairs.begin(), in.pairs.end());
        if (pairs.empty())
            pairs = make_pairs(in.task, in.train, count("n_pairs"), in.unrelated, in.seed, true, in.form);
        for (const auto& pair : pairs) texts.insert(texts.end(), {pair.negative, pair.positive});
    }
    if (patched.empty()) return engine.memory_need(longest_tokens(model, texts));
    return engine.memory_need(longest_tokens(model, texts), longest_tokens(model, patched),
                              model.info().n_head_total() + 1);
}

// Refuses a model whose hooks do not do what they say, before minutes of work.
void check_hooks(Engine& engine, const Globals& globals) {
    DoctorOptions options;
    options.fast = true;
    ProgressLine line("check of the hooks", globals.quiet);
    require_passed(
        diagnose(engine, options, [&](std::size_t done, std::size_t all) { line.update(done, all); }),
        engine.info());
}

std::string description(const SteeringVector& v, const Setting& setting) {
    std::string text =
        fmt::format("{} of {}: {}", v.method, v.provenance.task, study::setting_label(setting));
    const auto& said = v.provenance.settings;
    const auto add = [&](const char* key, const char* form) {
        if (const auto it = said.find(key); it != said.end())
            text += fmt::format(fmt::runtime(form), it->second);
    };
    if (!v.heads.empty())
        text += fmt::format("; best head {}.{} with {} {:+.4f}", v.heads.front().layer, v.heads.front().head,
                            head_score_name(v), v.heads.front().aie);
    add("aie_noise", " (noise {})");
    add("score_ceiling", " (at most {})");
    add("concepts", ", told from {}");
    add("forms", " in the forms {}");
    add("pairs", "; {} pairs");
    add("explained_variance", ", the first direction explains {} of the variance");
    return text;
}

}  // namespace

SteeringVector extract_at_setting(const Method& method, const ExtractOptions& o, const Globals& globals) {
    const Setting given = given_setting(o);
    Source source = o.task.empty() ? file_source(o) : task_source(method, o, globals);
    const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
    const auto model = open_model(o.model, globals, control_names_for(o.chat, source.control_names));
    const auto n_pairs = static_cast<int>(source.counts.at("n_pairs"));
    const Setting setting = complete_setting(method, model->info(), n_pairs, given);
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);

    MethodInput in{engine, source.task, source.train, unrelated, globals.seed, source.counts, nullptr, {}};
    if (const auto pairs = setting.find("pairs"); pairs != setting.end())
        in.options["n_pairs"] = pairs->second;
    in.options["n_last"] = o.n_last;
    for (const auto& [name, on] :
         {std::pair("no_post_norm", o.no_post_norm), std::pair("bias_per_head", o.bias_per_head),
          std::pair("pairs_unstripped", o.keep_ends)})
        in.options[name] = on ? 1 : 0;
    in.form = form_for(o.chat, *model, source.task);
    in.concepts = source.concepts;
    in.pairs = source.pairs.pairs;
    if (!o.trials.empty()) in.trials = &source.trials.trials;
    say_memory(need_of(engine, method, in), globals);
    if (!o.no_check) check_hooks(engine, globals);

    ProgressLine line(method.name() + ": extraction", globals.quiet);
    in.progress = [&](std::size_t done, std::size_t all) { line.update(done, all); };
    SteeringVector vector = method.builder(*model, method.extract(in))(setting);
    vector.scale = method.strength(setting);
    if (in.form.is_chat) vector.provenance.settings["form"] = chat_form_name;
    note(globals, description(vector, setting));
    return vector;
}

}  // namespace tiller::cli
