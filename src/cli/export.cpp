// tiller export: a vector as another tool's file.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/prompts.h"
#include "cli/vector_argument.h"
#include "core/paths.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/export.h"
#include "tiller/task.h"

namespace tiller::cli {
namespace {

struct ExportFlags {
    std::string vector, to, out, model, task;
    PromptOptions prompts;
    int n_prompts = 32, n_tokens = 8;
};

constexpr ExportFormat kFormats[] = {ExportFormat::llama_cpp, ExportFormat::npz, ExportFormat::safetensors};

ExportFormat format_of(const ExportFlags& o) {
    for (const ExportFormat format : kFormats)
        if (o.to == export_format_name(format)) return format;
    if (o.out.ends_with(".gguf")) return ExportFormat::llama_cpp;
    if (o.out.ends_with(".npz")) return ExportFormat::npz;
    if (o.out.ends_with(".safetensors")) return ExportFormat::safetensors;
    throw Error(
        Code::usage,
        fmt::format("{}: the ending does not say for which tool; give --to llama.cpp, npz or safetensors",
                    o.out));
}

// Every second prompt is used to fit the vector, the others to measure it.
struct Halves {
    std::vector<std::vector<Token>> fit, held_out;
};

std::vector<std::vector<Token>> prompts_of(const Model& model, const ExportFlags& o, const Globals& globals) {
    std::vector<std::vector<Token>> out;
    if (!o.prompts.prompts.empty() || !o.prompts.file.empty()) {
        for (auto& prompt : ready_prompts(model, o.prompts)) out.push_back(std::move(prompt.tokens));
        return out;
    }
    std::vector<std::string> texts;
    if (!o.task.empty()) {
        const Task task = find_task(o.task, data_dir());
        const Split split = split_task(task, globals.seed);
        for (const int item : split.test)
            texts.push_back(make_test_prompt(task, split.train, item, 0, globals.seed).text);
    } else {
        texts = load_sentences(data_dir() / "truncated_sentences.json");
    }
    if (texts.size() > static_cast<std::size_t>(o.n_prompts))
        texts.resize(static_cast<std::size_t>(o.n_prompts));
    for (const auto& text : texts) out.push_back(model.tokenize_prompt(text));
    return out;
}

Halves halves_of(std::vector<std::vector<Token>> prompts) {
    if (prompts.size() < 2)
        throw Error(Code::usage,
                    fmt::format("{} prompt, expected at least 2: one half fits the vector, the other "
                                "measures it",
                                prompts.size()));
    Halves halves;
    for (std::size_t i = 0; i < prompts.size(); ++i)
        (i % 2 == 0 ? halves.fit : halves.held_out).push_back(std::move(prompts[i]));
    return halves;
}

std::string layers_text(const SteeringVector& vector) {
    const int first = vector.directions.begin()->first, last = vector.directions.rbegin()->first;
    if (first == last) return fmt::format("layer {}", first);
    return fmt::format("{} layers from {} to {}", vector.directions.size(), first, last);
}

std::string text_of(const NearestAdditive& nearest) {
    std::string text = fmt::format(
        "The nearest such vector: KL to the original {:.4f} nats a token on {} held-out prompts ({} tokens); "
        "the\n"
        "original itself is {:.4f} from the unsteered model. Mean changes of the residual stream times "
        "{:.2f}.\n",
        nearest.kl, nearest.n_prompt, nearest.n_place, nearest.kl_unsteered, nearest.factor);
    if (!(nearest.kl < nearest.kl_unsteered / 2))
        text += "It is a poor replacement: less than half of what the original does is in it.\n";
    return text;
}

nlohmann::json json_of(const NearestAdditive& nearest) {
    return {{"kl", nearest.kl},
            {"kl_unsteered", nearest.kl_unsteered},
            {"factor", nearest.factor},
            {"prompts", nearest.n_prompt},
            {"tokens", nearest.n_place}};
}

void export_file(const ExportFlags& o, const Globals& globals) {
    const ExportFormat format = format_of(o);
    check_output(o.out);
    const auto argument = parse_vector_argument(o.vector);
    const SteeringVector vector = load_argument(argument);
    refuse_extraction(vector, argument.path);
    const float strength = argument.has_scale ? argument.scale : vector.scale;
    std::shared_ptr<const Model> model;
    if (!o.model.empty()) {
        model = open_model(o.model, globals);
        for (const auto& sentence : require_match(vector, model->info(), globals.force, argument.path))
            note(globals, fmt::format("{} {}", argument.path, sentence));
    }
    const auto obstacles = export_obstacles(vector, format);
    std::optional<NearestAdditive> nearest;
    if (!obstacles.empty() && model) {
        const Halves halves = halves_of(prompts_of(*model, o, globals));
        Engine engine = make_engine(model, globals);
        engine.cancel_with(&interrupted);
        ProgressLine line("nearest additive vector", globals.quiet);
        NearestOptions options;
        options.n_token = o.n_tokens;
        options.progress = [&](std::size_t done, std::size_t all) { line.update(done, all); };
        nearest = nearest_additive(engine, vector, strength, halves.fit, halves.held_out, format, options);
    }
    const SteeringVector out = nearest ? nearest->vector : exact_export(vector, strength, format);
    export_vector(out, o.out, format);

    nlohmann::json result = {{"vector", valid_utf8(o.out)},
                             {"to", export_format_name(format)},
                             {"exact", !nearest},
                             {"obstacles", obstacles},
                             {"strength", strength}};
    std::string text = fmt::format("{}: for {}, {}, strength {} in the numbers\n", o.out,
                                   export_format_name(format), layers_text(out), strength);
    if (nearest) {
        result["nearest"] = json_of(*nearest);
        std::string why;
        for (const auto& obstacle : obstacles) why += (why.empty() ? "" : "; ") + obstacle;
        text += fmt::format("Not exact: {}.\n", why) + text_of(*nearest);
    } else {
        text += "Exact: it is added to the residual stream at every position, as in the original.\n";
    }
    print(globals.json ? result.dump() + "\n" : text);
}

}  // namespace

void add_export(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<ExportFlags>();
    auto* command =
        app.add_subcommand("export", "A vector as a file of llama.cpp and repeng, numpy or safetensors");
    command->add_option("vector", o->vector, "Vector file V.gguf[:scale][@A-B]")->required();
    command->add_option("-o,--output", o->out, "File to write")->required();
    command
        ->add_option("--to", o->to,
                     "llama.cpp (repeng reads it too), npz or safetensors (default: by the ending)")
        ->check(CLI::IsMember({"llama.cpp", "npz", "safetensors"}));
    command->add_option(
        "-m,--model", o->model,
        "Known model name or GGUF path; needed where an added vector is not exactly the original");
    command->add_option("-t,--task", o->task, "Find and measure it on this task's zero-shot prompts");
    add_prompt_options(*command, o->prompts, true);
    command
        ->add_option("--n-prompts", o->n_prompts,
                     "Prompts of a task or of tiller's own at most; half fit, half measure")
        ->check(CLI::Range(2, 100000));
    command->add_option("-n,--tokens", o->n_tokens, "Tokens of each continuation that are compared")
        ->check(CLI::Range(1, 1000));
    command->add_flag("--force", globals.force, "Use a vector of another model when its shape fits");
    add_globals(*command, globals);
    command->callback([o, &globals] { export_file(*o, globals); });
}

}  // namespace tiller::cli
