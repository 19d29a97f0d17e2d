// tiller generate: continues prompts, with vectors or without.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/prompts.h"
#include "cli/steering.h"
#include "cli/stream.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {

void add_generate(CLI::App& app, Globals& globals) {
    struct Options {
        std::string model;
        PromptOptions prompts;
        SteeringOptions steering;
        int n = 32, samples = 1, top_k = 0;
        float temperature = 0, top_p = 1;
        std::string stop;
        bool compare = false, stream = false, no_stream = false;
    };
    auto o = std::make_shared<Options>();
    auto* command = app.add_subcommand("generate", "Continue prompts, steered or not");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    add_prompt_options(*command, o->prompts, true);
    add_steering_options(*command, o->steering, globals);
    command->add_option("-n,--tokens", o->n, "New tokens at most")->check(CLI::Range(1, 100000));
    command->add_option("--samples", o->samples, "Continuations of each prompt, with seeds seed, seed+1, ...")
        ->check(CLI::Range(1, 10000));
    command->add_option("--temperature", o->temperature, "0 = greedy")->check(CLI::Range(0.0, 100.0));
    command->add_option("--top-p", o->top_p, "Nucleus")->check(CLI::Range(0.0001, 1.0));
    command->add_option("--top-k", o->top_k, "0 = off")->check(CLI::Range(0, 1000000));
    command->add_option("--stop", o->stop, "Stop before this text");
    command->add_flag("--compare", o->compare, "Show the unsteered continuation too");
    auto* stream_flag = command->add_flag("--stream", o->stream,
                                          "Print text as it comes (default where the output is a terminal)");
    command->add_flag("--no-stream", o->no_stream, "Print when all is done")->excludes(stream_flag);
    add_globals(*command, globals);
    command->callback([o, &globals] {
        const auto model = open_model(o->model, globals);
        const auto prompts = ready_prompts(*model, o->prompts);
        Engine engine = make_engine(model, globals);
        engine.cancel_with(&interrupted);
        const auto edits = load_edits(o->steering, model->info(), globals);
        std::vector<Row> rows;
        for (const auto& prompt : prompts)
            for (int s = 0; s < o->samples; ++s)
                for (int steered = o->compare ? 0 : 1; steered < 2; ++steered) {
                    Row row;
                    row.prompt = prompt.tokens;
                    if (steered) row.edits = edits;
                    row.max_new_tokens = o->n;
                    if (!o->stop.empty()) row.stop = {o->stop};
                    row.sampling = {o->temperature, o->top_p, o->top_k,
                                    static_cast<std::uint32_t>(globals.seed + static_cast<std::uint64_t>(s))};
                    rows.push_back(std::move(row));
                }
        // Each continuation after its prompt.
        std::vector<std::string> heads;
        for (const auto& prompt : prompts)
            for (int s = 0; s < o->samples; ++s)
                for (int steered = o->compare ? 0 : 1; steered < 2; ++steered)
                    heads.push_back((o->compare ? (steered ? "[steered]   " : "[unsteered] ") : "") +
                                    (o->prompts.chat ? "" : valid_utf8(prompt.text)));
        const bool stream = !globals.json && (o->stream || (prints_to_terminal() && !o->no_stream));
        const auto results = stream ? stream_rows(engine, rows, heads) : engine.run(rows);
        std::size_t r = 0;
        nlohmann::json all = nlohmann::json::array();
        std::string text;
        for (const auto& prompt : prompts)
            for (int s = 0; s < o->samples; ++s)
                for (int steered = o->compare ? 0 : 1; steered < 2; ++steered, ++r) {
                    const RowResult& result = results[r];
                    const std::string out = valid_utf8(result.text_before_stop());
                    if (globals.json)
                        all.push_back({{"prompt", valid_utf8(prompt.text)},
                                       {"sample", s},
                                       {"steered", steered && !edits.empty()},
                                       {"text", out},
                                       {"tokens", result.generated},
                                       {"ended", result.ended},
                                       {"broken", result.broken},
                                       {"finish", finish_name(result.finish)}});
                    else if (!stream)
                        text += heads[r] + out + "\n";
                    if (result.broken && (!steered || edits.empty())) throw own_numbers_broken(model->info());
                    if (result.broken)
                        warn(fmt::format(
                            "continuation {} is broken: the vectors drove the model's numbers to NaN or "
                            "infinity, and it ended there; use a smaller strength",
                            r));
                }
        print_data(globals.json ? all.dump() + "\n" : text);
    });
}

}  // namespace tiller::cli
