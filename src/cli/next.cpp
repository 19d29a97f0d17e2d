// tiller next: the distribution of the next token, with or without vectors.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/prompts.h"
#include "cli/steering.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {

void add_next(CLI::App& app, Globals& globals) {
    struct Options {
        std::string model;
        PromptOptions prompt;
        SteeringOptions steering;
        int top = 10;
    };
    auto o = std::make_shared<Options>();
    auto* command =
        app.add_subcommand("next", "Next-token distribution of a prompt, with vectors or without");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    add_prompt_options(*command, o->prompt, false);
    add_steering_options(*command, o->steering, globals);
    command->add_option("--top", o->top, "Tokens to list")->check(CLI::Range(1, 1000000));
    add_globals(*command, globals, kEngineFlags | kJsonFlag | kQuietFlag);
    command->callback([o, &globals] {
        const auto model = open_model(o->model, globals);
        Engine engine = make_engine(model, globals);
        engine.cancel_with(&interrupted);
        Row row;
        row.prompt = ready_prompts(*model, o->prompt).front().tokens;
        row.edits = load_edits(o->steering, model->info(), globals);
        row.n_top = o->top;
        const auto result = engine.run(std::span(&row, 1)).front();
        if (result.broken && row.edits.empty()) throw own_numbers_broken(model->info());
        if (result.broken)
            throw Error(Code::bad_input,
                        "the vectors drive the model's numbers to infinity or NaN, so that there is no "
                        "distribution; give smaller scales");
        if (globals.json) {
            nlohmann::json tokens = nlohmann::json::array();
            for (const auto& t : result.top)
                tokens.push_back(
                    {{"id", t.token}, {"text", valid_utf8(model->piece(t.token))}, {"logprob", t.logprob}});
            print(nlohmann::json{{"tokens", tokens}}.dump() + "\n");
            return;
        }
        std::string text = fmt::format("{:>8}  {:>9}  {:>7}  {}\n", "id", "logprob", "p", "text");
        for (const auto& t : result.top)
            text += fmt::format("{:>8}  {:>9.4f}  {:>7.4f}  {}\n", t.token, t.logprob, std::exp(t.logprob),
                                nlohmann::json(valid_utf8(model->piece(t.token))).dump());
        print(text);
    });
}

}  // namespace tiller::cli
