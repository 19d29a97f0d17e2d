// tiller inspect: what a vector does to a text, token by token, at several strengths.
#include "tiller/inspect.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/chat_state.h"
#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/prompts.h"
#include "cli/steering.h"
#include "cli/stream.h"
#include "core/escape_controls.h"
#include "core/util.h"
#include "report/inspect_page.h"
#include "tiller/error.h"
#include "tiller/scoring.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

struct InspectFlags {
    std::string model, vector, strengths = "0.25,0.5,1,1.5,2", html;
    PromptOptions prompt;
    SteeringOptions steering;
    int n = 32;
    bool tokens = false;
};

// A log-probability of a token that the other distribution rules out.
json number(double value) { return std::isfinite(value) ? json(value) : json(); }

json as_json(const InspectedText& text) {
    json tokens = json::array();
    for (const auto& t : text.tokens)
        tokens.push_back({{"id", t.token},
                          {"text", valid_utf8(t.text)},
                          {"logprob_unsteered", number(t.logprob_unsteered)},
                          {"logprob_steered", number(t.logprob_steered)},
                          {"kl", number(t.kl)}});
    return {{"strength", text.strength},
            {"text", text.text()},
            {"mean_kl", number(text.mean_kl())},
            {"perplexity", number(text.perplexity())},
            {"collapsed", report::is_collapsed(text)},
            {"broken", text.broken},
            {"ended", text.ended},
            {"tokens", tokens}};
}

// Black on a light ground, which can be read on dark terminals as well. Rarer is blue, likelier orange.
std::string coloured(const std::string& text, int level) {
    static constexpr int kGround[] = {75, 117, 153, 0, 223, 215, 208};
    if (level == 0) return text;
    return fmt::format("\x1b[30;48;5;{}m{}\x1b[0m", kGround[level + 3], text);
}

std::string text_of(const InspectedText& text, bool colour) {
    std::string out;
    for (const auto& token : whole_characters(text.tokens)) {
        const int level = colour && text.strength != 0
                              ? report::effect_level(token.logprob_unsteered, token.logprob_steered)
                              : 0;
        out += coloured(escape_controls(token.text), level);
    }
    return out;
}

std::string token_table(const InspectedText& text) {
    std::string out = fmt::format("  {:>10}  {:>10}  {:>8}  {}\n", "unsteered", "steered", "KL", "token");
    for (const auto& t : whole_characters(text.tokens))
        out += fmt::format("  {:>9.3f}%  {:>9.3f}%  {:>8.3f}  {}\n", 100 * std::exp(t.logprob_unsteered),
                           100 * std::exp(t.logprob_steered), t.kl, escape_controls(json(t.text).dump()));
    return out;
}

std::string as_text(std::span<const InspectedText> texts, bool tokens, bool colour) {
    std::string out;
    for (const auto& text : texts) {
        const std::string name =
            text.strength == 0 ? std::string("unsteered") : fmt::format("strength {}", text.strength);
        out += fmt::format("[{}]  mean KL {:.2f}, perplexity without steering {:.1f}{}{}\n{}\n", name,
                           text.mean_kl(), text.perplexity(),
                           report::is_collapsed(text) ? ", repeats itself" : "",
                           text.broken ? ", broken (NaN or infinity)" : "", text_of(text, colour));
        if (tokens) out += token_table(text);
        out += "\n";
    }
    if (colour)
        out += fmt::format("steering made a token {} {} {} {} times likelier, {} {} {} {} times rarer\n",
                           coloured(" 2 ", 1), coloured(" 10 ", 2), coloured(" 100 ", 3), "or more",
                           coloured(" 2 ", -1), coloured(" 10 ", -2), coloured(" 100 ", -3), "or more");
    return out + report::where_it_breaks(texts) + "\n";
}

void inspect_vector(InspectFlags o, const Globals& globals) {
    if (!o.vector.empty()) o.steering.vectors.vectors.insert(o.steering.vectors.vectors.begin(), o.vector);
    if (o.steering.vectors.vectors.empty() && o.steering.from.empty())
        throw Error(Code::usage, "inspect needs a vector: V.gguf, or --from RUN");
    if (!o.html.empty()) check_output(o.html);
    InspectOptions options;
    options.strengths = parse_strengths(o.strengths);
    options.n_token = o.n;
    const auto model = open_model(o.model, globals);
    const auto prompt = ready_prompts(*model, o.prompt).front();
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    const auto arguments = vector_arguments(o.steering, model->info(), globals);
    const auto edits = load_edits(arguments, model->info(), globals, o.steering.vectors.layers);
    const auto texts = inspect(engine, prompt.tokens, edits, options);
    if (!o.html.empty())
        write_file_atomic(
            o.html, report::inspect_page({model->info().name, valid_utf8(prompt.text), arguments}, texts));
    if (globals.json) {
        json all = json::array();
        for (const auto& text : texts) all.push_back(as_json(text));
        print_data(json{{"prompt", valid_utf8(prompt.text)}, {"texts", all}}.dump() + "\n");
    } else {
        print_styled(as_text(texts, o.tokens, prints_in_colour()));
    }
    if (!o.html.empty()) note(globals, fmt::format("{} is written: open it in a browser", o.html));
}

}  // namespace

void add_inspect(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<InspectFlags>();
    auto* command = app.add_subcommand(
        "inspect",
        "What a vector does to a text: change of every token, and from which strength on it breaks");
    command->add_option("vector", o->vector, "Steering vector FILE[:scale][:positions][@A-B]");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    add_prompt_options(*command, o->prompt, false);
    add_steering_options(*command, o->steering, globals);
    command->add_option("--strengths", o->strengths, "Times the vector's own scale; 0 is always there");
    command->add_option("-n,--tokens", o->n, "New tokens at most")->check(CLI::Range(1, 1000));
    command->add_flag("--table", o->tokens, "List the tokens with their probabilities");
    command->add_option("--html", o->html,
                        "Write a page with a slider over the strengths; it needs no network");
    add_globals(*command, globals, kAllFlags & ~kSeedFlag);
    command->callback([o, &globals] { inspect_vector(*o, globals); });
}

}  // namespace tiller::cli
