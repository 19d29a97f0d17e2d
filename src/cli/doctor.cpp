// tiller doctor: does steering do what it says on this model?
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/stream.h"
#include "core/escape_controls.h"
#include "tiller/doctor.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

json as_json(const Diagnosis& d, const ModelInfo& info, double seconds) {
    json checks = json::array(), servers = json::array();
    for (const auto& server : info.servers) servers.push_back(server.text());
    for (const Check& c : d.checks) {
        const bool bounded = c.outcome == Outcome::passed || c.outcome == Outcome::failed;
        const bool measured = c.outcome != Outcome::not_applicable && std::isfinite(c.figure);
        checks.push_back({{"name", c.name},
                          {"outcome", outcome_name(c.outcome)},
                          {"figure", measured ? json(c.figure) : json()},
                          {"bound", bounded ? json(c.bound) : json()},
                          {"text", c.text}});
    }
    return {{"model", info.name},
            {"architecture", info.architecture},
            {"quantisation", info.quantisation},
            {"digest", info.digest},
            {"n_layer", info.n_layer},
            {"n_head", info.n_head},
            {"servers", servers},
            {"fast", d.fast},
            {"layers", d.layers},
            {"layers_without_heads", d.layers_without_heads},
            {"passed", d.passed()},
            {"checks", checks},
            {"seconds", seconds}};
}

std::string coloured(Outcome outcome, const std::string& text, bool colour) {
    if (!colour || (outcome != Outcome::passed && outcome != Outcome::failed)) return text;
    return fmt::format("\033[{}m{}\033[0m", outcome == Outcome::passed ? 32 : 31, text);
}

std::string as_text(const Diagnosis& d, const ModelInfo& info, double seconds, bool colour) {
    std::string text = fmt::format(
        "{} ({}, {}), {} layers, {} heads; layers tried: {}\n", escape_line(info.name),
        escape_line(info.architecture), info.quantisation, info.n_layer, info.n_head_total(),
        static_cast<int>(d.layers.size()) == info.n_layer ? "all"
                                                          : fmt::format("{}", fmt::join(d.layers, ", ")));
    if (!info.servers.empty()) text += "computed by";
    for (const auto& server : info.servers)
        text += fmt::format("{} {}", &server == info.servers.data() ? "" : ",", escape_line(server.text()));
    if (!info.servers.empty()) text += "\n";
    for (const Check& c : d.checks) {
        const bool bounded = c.outcome == Outcome::passed || c.outcome == Outcome::failed;
        std::string outcome = c.outcome == Outcome::not_applicable ? "-" : outcome_name(c.outcome);
        outcome.resize(12, ' ');
        text += fmt::format("{:<18} {} {:>9}  {:<8}  {}\n", c.name, coloured(c.outcome, outcome, colour),
                            c.outcome == Outcome::not_applicable ? "" : fmt::format("{:.3g}", c.figure),
                            bounded ? fmt::format("<= {:g}", c.bound) : "", c.text);
    }
    return text + fmt::format("{} in {:.1f} s\n", d.passed() ? "all passed" : "NOT passed", seconds);
}

}  // namespace

void add_doctor(CLI::App& app, Globals& globals) {
    auto model_name = std::make_shared<std::string>();
    auto options = std::make_shared<DoctorOptions>();
    auto no_post_norm = std::make_shared<bool>(false);
    auto* command = app.add_subcommand(
        "doctor", "Check on your model that edits, captures and contributions do what they say");
    command->add_option("-m,--model", *model_name, kModelHelp)->required();
    command->add_flag("--fast", options->fast,
                      "A few layers and heads only: what compare and extract do before they start");
    command->add_flag("--no-post-norm", *no_post_norm,
                      "Judge contributions without the post-norm correction (to see what it does)");
    command->add_flag("--bias-per-head", options->contributions.bias_per_head,
                      "Judge contributions with W_O's bias once per head, as in the reference code");
    add_globals(*command, globals, kAllFlags & ~kSeedFlag);
    command->callback([model_name, options, no_post_norm, &globals] {
        const auto model = open_model(*model_name, globals);
        Engine engine = make_engine(model, globals);
        engine.cancel_with(&interrupted);
        options->contributions.post_norm = !*no_post_norm;
        Diagnosis diagnosis;
        const auto begin = std::chrono::steady_clock::now();
        {
            ProgressLine line("layers", globals.quiet);
            diagnosis = diagnose(engine, *options,
                                 [&](std::size_t done, std::size_t all) { line.update(done, all); });
        }
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (globals.json)
            print(as_json(diagnosis, model->info(), seconds).dump() + "\n");
        else
            print_styled(as_text(diagnosis, model->info(), seconds, prints_in_colour()));
        require_passed(diagnosis, model->info());
    });
}

}  // namespace tiller::cli
