// tiller bench: how fast this machine is with this model, and what steering costs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "cli/bench_sweep.h"
#include "cli/common.h"
#include "core/util.h"
#include "tiller/task.h"

namespace tiller::cli {
namespace {

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Medians of two kinds of work done in turn, so that a drifting machine slows both.
std::pair<double, double> in_turn(int repeats, const std::function<void()>& a,
                                  const std::function<void()>& b) {
    std::vector<double> ta, tb;
    a();
    b();
    for (int i = 0; i < repeats; ++i) {
        ta.push_back(seconds_of(a));
        tb.push_back(seconds_of(b));
    }
    const auto median = [](std::vector<double>& t) {
        std::sort(t.begin(), t.end());
        return t[t.size() / 2];
    };
    return {median(ta), median(tb)};
}

std::string few_shot_prompt() {
    static const char* pairs[][2] = {
        {"go", "went"}, {"sing", "sang"}, {"take", "took"},  {"eat", "ate"},       {"run", "ran"},
        {"see", "saw"}, {"fly", "flew"},  {"buy", "bought"}, {"think", "thought"}, {"make", "made"}};
    std::string text;
    for (const auto& pair : pairs) text += fmt::format("Q: {}\nA: {}\n\n", pair[0], pair[1]);
    return text + "Q: speak\nA:";
}

SharedFloats random_vector(std::size_t n, double scale) {
    Random random(1, "bench");
    auto values = std::make_shared<std::vector<float>>(n);
    for (float& v : *values) v = static_cast<float>(random.normal() * scale);
    return values;
}

// The head search's batch for one prompt: the clean row and one row for each head.
std::vector<Row> sweep_rows(const Engine& engine, bool edits) {
    const ModelInfo& info = engine.info();
    Row clean;
    clean.prompt = engine.model().tokenize(few_shot_prompt());
    clean.watch = {0};
    std::vector<Row> rows{clean};
    for (int il = 0; il < info.n_layer; ++il)
        for (int h = 0; h < info.n_head[static_cast<std::size_t>(il)]; ++h) {
            rows.push_back(clean);
            if (edits)
                rows.back().edits = {
                    {Site::head_output,
                     il,
                     h,
                     Operation::replace,
                     {Positions::Kind::last_prompt, 0, 0},
                     random_vector(static_cast<std::size_t>(info.d_head[static_cast<std::size_t>(il)]), 0.02),
                     1}};
        }
    return rows;
}

// Rows that generate; with `edits`, half of them get a vector at one layer and half a turn at every layer.
std::vector<Row> generation_rows(const Engine& engine, int n, bool edits) {
    const ModelInfo& info = engine.info();
    std::vector<Row> rows;
    for (int r = 0; r < n; ++r) {
        Row row;
        row.prompt = engine.model().tokenize(fmt::format("Here is a short note about the number {}:", r));
        row.max_new_tokens = 16;
        const auto vector = random_vector(static_cast<std::size_t>(info.n_embd), 0.02);
        if (edits && r % 2 == 0)
            row.edits = {{Site::residual,
                          info.n_layer / 2,
                          -1,
                          Operation::add,
                          {Positions::Kind::steered, 0, 0},
                          vector,
                          0.01f}};
        for (int il = 0; edits && r % 2 == 1 && il < info.n_layer; ++il)
            row.edits.push_back(
                {Site::mlp_output, il, -1, Operation::turn, {Positions::Kind::all, 0, 0}, vector, 0.01f});
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

void add_bench(CLI::App& app, Globals& globals) {
    auto model_name = std::make_shared<std::string>("gemma3-270m");
    auto repeats = std::make_shared<int>(3);
    auto* command = app.add_subcommand(
        "bench", "Measure this machine: head search and steered generation against the same work unsteered");
    command->add_option("-m,--model", *model_name, "Known model name or GGUF path");
    command->add_option("--repeats", *repeats, "Timed repeats; medians are shown")->check(CLI::Range(1, 100));
    auto sweep_items = std::make_shared<int>(0);
    command
        ->add_option("--sweep", *sweep_items,
                     "Measure a sweep of 384 settings on N items against each setting alone, nothing else")
        ->check(CLI::Range(8, 10000));
    add_globals(*command, globals);
    command->callback([model_name, repeats, sweep_items, &globals] {
        const auto model = open_model(*model_name, globals);
        Engine engine = make_engine(model, globals);
        engine.cancel_with(&interrupted);
        if (*sweep_items > 0) return bench_sweep(engine, *sweep_items, std::min(*repeats, *sweep_items));
        const auto plain = sweep_rows(engine, false), patched = sweep_rows(engine, true);
        const auto [t_plain, t_patched] = in_turn(
            *repeats, [&] { engine.fork(plain); }, [&] { engine.fork(patched); });
        const auto unsteered = generation_rows(engine, globals.rows, false),
                   steered = generation_rows(engine, globals.rows, true);
        const auto [t_unsteered, t_steered] = in_turn(
            *repeats, [&] { engine.run(unsteered); }, [&] { engine.run(steered); });
        const double tokens = static_cast<double>(plain.size() + plain[0].prompt.size() - 1);
        if (globals.json)
            return print(nlohmann::json{{"model", model->info().name},
                                        {"rows", plain.size()},
                                        {"prompt_tokens", plain[0].prompt.size()},
                                        {"sweep_seconds", t_patched},
                                        {"sweep_unpatched_seconds", t_plain},
                                        {"generation_rows", globals.rows},
                                        {"generation_seconds", t_steered},
                                        {"generation_unsteered_seconds", t_unsteered},
                                        {"peak_bytes", peak_memory()}}
                             .dump() +
                         "\n");
        print(fmt::format(
            "{} ({}), medians of {}\n"
            "head search, one {}-token prompt, {} rows  {:.3f} s  {:.0f} tokens/s  {:.2f} of the speed "
            "without edits\n"
            "25 prompts of it                            {:.1f} s\n"
            "generation, {} rows of 16 tokens, steered   {:.3f} s  {:.2f} times the time unsteered\n"
            "peak memory                                 {} MB\n",
            model->info().name, model->info().quantisation, *repeats, plain[0].prompt.size(), plain.size(),
            t_patched, tokens / t_patched, t_plain / t_patched, 25 * t_patched, globals.rows, t_steered,
            t_steered / t_unsteered, peak_memory() >> 20));
    });
}

}  // namespace tiller::cli
