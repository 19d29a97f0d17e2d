// tiller read: the tokens a vector points at, and vectors rebuilt from these tokens only.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/hub_model.h"
#include "cli/vector_argument.h"
#include "core/util.h"
#include "tiller/error.h"
#include "tiller/vocabulary.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

struct ReadFlags {
    std::string model, vector, out;
    int top = 20, layer = -1, reconstruct = 0, steps = 1000;
    bool restricted = false;
};

std::string quoted(const Model& model, Token token) { return json(valid_utf8(model.piece(token))).dump(); }

json as_json(const Model& model, const std::vector<VocabularyReading>& readings) {
    json layers = json::array();
    for (const auto& reading : readings) {
        json tokens = json::array();
        for (const auto& t : reading.top)
            tokens.push_back(
                {{"id", t.token}, {"text", valid_utf8(model.piece(t.token))}, {"logprob", t.logprob}});
        layers.push_back({{"layer", reading.layer}, {"tokens", tokens}});
    }
    return layers;
}

// A table for one layer, a line for each of several.
std::string as_text(const Model& model, const std::vector<VocabularyReading>& readings) {
    if (readings.size() == 1) {
        std::string text = fmt::format("layer {}\n{:>8}  {:>9}  {:>7}  {}\n", readings[0].layer, "id",
                                       "logprob", "p", "text");
        for (const auto& t : readings[0].top)
            text += fmt::format("{:>8}  {:>9.4f}  {:>7.4f}  {}\n", t.token, t.logprob, std::exp(t.logprob),
                                quoted(model, t.token));
        return text;
    }
    std::string text = "layer  tokens (probability)\n";
    for (const auto& reading : readings) {
        text += fmt::format("{:>5} ", reading.layer);
        for (const auto& t : reading.top)
            text += fmt::format(" {} ({:.4f})", quoted(model, t.token), std::exp(t.logprob));
        text += "\n";
    }
    return text;
}

json as_json(const std::vector<ReconstructionFit>& fits) {
    json layers = json::array();
    for (const auto& f : fits)
        layers.push_back({{"layer", f.layer},
                          {"steps", f.n_step},
                          {"kl_first", f.kl_first},
                          {"kl_last", f.kl_last},
                          {"mass", f.mass},
                          {"mass_rebuilt", f.mass_rebuilt},
                          {"shared", f.n_shared},
                          {"cosine", f.cosine}});
    return layers;
}

std::string as_text(const std::vector<ReconstructionFit>& fits, int n_token) {
    std::string text = fmt::format(
        "rebuilt from {} tokens. KL: over these tokens, nats, of the random start and of the result. Mass: "
        "their\n"
        "probability under the vector and the result. Shared: those among the result's own top {}.\n"
        "{:>5}  {:>5}  {:>9}  {:>9}  {:>7}  {:>7}  {:>6}  {:>6}\n",
        n_token, n_token, "layer", "steps", "KL start", "KL", "mass", "rebuilt", "shared", "cosine");
    for (const auto& f : fits)
        text +=
            fmt::format("{:>5}  {:>5}  {:>9.3g}  {:>9.3g}  {:>7.4f}  {:>7.4f}  {:>6}  {:>+6.3f}\n", f.layer,
                        f.n_step, f.kl_first, f.kl_last, f.mass, f.mass_rebuilt, f.n_shared, f.cosine);
    return text;
}

void read(const ReadFlags& o, const Globals& globals) {
    const bool rebuild = o.reconstruct > 0;
    if (rebuild != !o.out.empty())
        throw Error(Code::usage, rebuild ? "--reconstruct needs -o, the vector file to write"
                                         : "-o is for --reconstruct: a reading writes no file");
    if (rebuild) check_output(o.out);
    const auto argument = parse_vector_argument(o.vector);
    if (rebuild && argument.has_scale)
        throw Error(Code::usage,
                    fmt::format("{}: --reconstruct takes a vector as it is; leave the scale out", o.vector));
    const SteeringVector vector = load_argument(argument);
    const auto model = open_model(o.model, globals);
    for (const auto& sentence : require_match(vector, model->info(), globals.force, argument.path))
        note(globals, fmt::format("{} {}", argument.path, sentence));
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    const auto readings = read_vocabulary(engine, vector, {o.top, o.layer, argument.scale});
    json out = {{"layers", as_json(*model, readings)}};
    std::string text = as_text(*model, readings);
    if (rebuild) {
        ReconstructOptions options;
        options.n_token = o.reconstruct;
        options.layer = o.layer;
        options.n_step = o.steps;
        options.seed = globals.seed;
        options.restricted = o.restricted;
        ProgressLine line("steps", globals.quiet);
        const Reconstruction result =
            reconstruct_vocabulary(engine, vector, options, [&](std::size_t done, std::size_t all) {
                if (interrupted)
                    throw Error(Code::interrupted, "the reconstruction was stopped; nothing was written");
                line.update(done, all);
            });
        save_vector(result.vector, o.out);
        out["reconstruction"] = {
            {"vector", valid_utf8(o.out)}, {"tokens", o.reconstruct}, {"layers", as_json(result.fits)}};
        text += as_text(result.fits, o.reconstruct);
    }
    print(globals.json ? out.dump() + "\n" : text);
}

}  // namespace

void add_read(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<ReadFlags>();
    auto* command = app.add_subcommand(
        "read", "The tokens a vector points at: softmax(W_U LN_f(v)) (arXiv 2310.15213, section 3.2)");
    command
        ->add_option("vector", o->vector,
                     "Vector file V.gguf[:scale]; V.gguf:-1 reads the opposite direction")
        ->required();
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    command->add_option("--top", o->top, "Tokens to list")->check(CLI::Range(1, 1000000));
    command
        ->add_option("--layer", o->layer, "Only the direction of this layer, counted from 0 (default: all)")
        ->check(CLI::Range(0, 100000))
        ->default_str("");
    command
        ->add_option("--reconstruct", o->reconstruct,
                     "Also find another vector with the same distribution over the top K tokens (paper: 100)")
        ->check(CLI::Range(2, 10000000))
        ->default_str("");
    command->add_option("--steps", o->steps, "Steps of the reconstruction at most")
        ->check(CLI::Range(1, 1000000));
    command->add_flag("--restricted", o->restricted,
                      "Reconstruct over the K tokens alone, whatever the other tokens do");
    command->add_option("-o,--output", o->out, "Vector file to write with --reconstruct (GGUF)");
    command->add_flag("--force", globals.force, "Use a vector of another model when its shape fits");
    add_globals(*command, globals);
    command->callback([o, &globals] { read(*o, globals); });
}

}  // namespace tiller::cli
