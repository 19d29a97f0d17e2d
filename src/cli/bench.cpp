// tiller bench: how fast this machine is with this model, and what steering costs.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/bench_parts.h"
#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/machine_load.h"
#include "core/paths.h"
#include "core/util.h"
#include "tiller/version.h"

namespace tiller::cli {
namespace {

using nlohmann::json;

struct BenchFlags {
    std::string model = "gemma3-270m", task = "present-past", data_dir, prompts;
    std::vector<std::string> parts = {"memory", "sweep", "generation"};
    std::vector<int> n_row = {64};
    int repeats = 3, n_prompt = 25, n_shot = 10, n_item = 100, n_new = 16, n_alone = 4;
};

bool has(const BenchFlags& o, const std::string& part) {
    return std::find(o.parts.begin(), o.parts.end(), part) != o.parts.end();
}

// The head search's prompts as token ids, so that another program can be timed on the very same work.
void write_prompts(const Bench& bench, const BenchFlags& o) {
    check_output(o.prompts);
    json prompts = json::array();
    for (const auto& trial : bench.trials.patch)
        prompts.push_back(bench.model->tokenize_prompt(trial.prompt));
    write_file_atomic(o.prompts, json{{"model", bench.model->info().name},
                                      {"digest", bench.model->info().digest},
                                      {"n_head", bench.model->info().n_head_total()},
                                      {"task", o.task},
                                      {"n_shot", o.n_shot},
                                      {"prompts", prompts}}
                                         .dump() +
                                     "\n");
}

std::vector<Prompt> item_prompts(const Task& task, const BenchFlags& o, int n_shot, std::uint64_t seed) {
    const Split split = split_task(task, seed);
    std::vector<Prompt> prompts;
    for (int i = 0; i < o.n_item; ++i)
        prompts.push_back(make_test_prompt(
            task, split.train, split.train[static_cast<std::size_t>(i) % split.train.size()], n_shot, seed));
    return prompts;
}

double number(const json& j, const char* key) { return j.at(key).get<double>(); }
double megabytes(const json& j, const char* key) { return number(j, key) / 1e6; }

std::string line(const std::string& what, const std::string& figures) {
    return fmt::format("{:<46}{}\n", what, figures);
}

std::string settings_line(const json& s, const char* what) {
    return line(fmt::format("{} settings on {} items, {}", s.at("settings").get<int>(),
                            s.at("items").get<int>(), what),
                fmt::format("{:.1f} s, each alone {:.0f} s (from {} of them): {:.1f} times faster",
                            number(s, "seconds"), number(s, "alone_seconds_extrapolated"),
                            s.at("alone_settings_measured").get<int>(), number(s, "ratio")));
}

std::string growth_text(const json& growth) {
    std::string text;
    for (const auto& c : growth.at("curves")) {
        text +=
            fmt::format("seconds = {:.3g} + {:.3g} * x (within {:.0f} %)   x: {}\n", number(c, "fixed"),
                        number(c, "each"), 100 * number(c, "largest_miss"), c.at("what").get<std::string>());
        for (std::size_t i = 0; i < c.at("x").size(); ++i)
            text += fmt::format("  {:>6.0f}  {:>9.3f} s\n", c.at("x")[i].get<double>(),
                                c.at("seconds")[i].get<double>());
    }
    const int end = growth.at("memory_end_tokens_64_rows").get<int>();
    return text + (end > 0 ? fmt::format("64 rows in flight end at {} tokens each: {:.0f} MB are free\n", end,
                                         megabytes(growth, "free_bytes"))
                           : fmt::format("64 rows in flight fit up to the model's {} tokens\n",
                                         growth.at("n_ctx_train").get<int>()));
}

std::string cuts_text(const json& cuts) {
    std::string text;
    for (const auto& c : cuts.at("cases")) {
        text += line(
            fmt::format("step of {} rows, {}", cuts.at("rows").get<int>(), c.at("what").get<std::string>()),
            fmt::format("{:.2f} ms  {:.2f} times the time of nothing", 1e3 * number(c, "seconds_per_step"),
                        number(c, "ratio")));
        if (!c.at("seconds_per_cut").is_null())
            text += line("  each cut", fmt::format("{:.3f} ms", 1e3 * number(c, "seconds_per_cut")));
        if (cuts.at("servers").get<int>() > 0)
            text += line("  to and from servers",
                         fmt::format("{:.1f} and {:.1f} kB", number(c, "bytes_sent_per_step") / 1e3,
                                     number(c, "bytes_received_per_step") / 1e3));
    }
    return text;
}

std::string text_of(const json& all) {
    std::string text = fmt::format("{} ({}), {} threads, medians of {}\n", all.at("model").get<std::string>(),
                                   all.at("quantisation").get<std::string>(), all.at("threads").get<int>(),
                                   all.at("repeats").get<int>());
    if (all.contains("sweep")) {
        const json& s = all.at("sweep");
        const json& shape = s.at("plain_shape");
        text += line(
            fmt::format("head search, {} prompts of {} rows", s.at("prompts").get<int>(),
                        s.at("rows").get<int>()),
            fmt::format("{:.2f} s  {:.0f} tokens/s", number(s, "seconds"), number(s, "tokens_per_second")));
        text += line(fmt::format("plain decoding, {} x {} tokens, {} logits", shape.at("rows").get<int>(),
                                 shape.at("length").get<int>(), shape.at("outputs").get<int>()),
                     fmt::format("{:.2f} s  {:.0f} tokens/s", number(s, "plain_seconds"),
                                 number(s, "plain_tokens_per_second")));
        text += line("efficiency of the head search", fmt::format("{:.2f}", number(s, "efficiency")));
    }
    if (all.contains("generation"))
        for (const auto& g : all.at("generation"))
            text += line(fmt::format("generation, {} rows of {} tokens, steered", g.at("rows").get<int>(),
                                     g.at("new_tokens").get<int>()),
                         fmt::format("{:.2f} s  {:.2f} times the time unsteered",
                                     number(g, "steered_seconds"), number(g, "ratio")));
    if (all.contains("settings")) {
        text += settings_line(all.at("settings").at("few_shot"), "few-shot");
        text += settings_line(all.at("settings").at("zero_shot"), "zero-shot");
    }
    if (all.contains("memory")) {
        const json& m = all.at("memory");
        text += line("peak memory", fmt::format("{:.0f} MB; model {:.0f} + caches {:.0f} + 300 = {:.0f} MB",
                                                megabytes(m, "peak_bytes"), megabytes(m, "model_bytes"),
                                                megabytes(m, "cache_bytes"), megabytes(m, "allowed_bytes")));
    }
    if (all.contains("growth")) text += growth_text(all.at("growth"));
    if (all.contains("cuts")) text += cuts_text(all.at("cuts"));
    if (all.contains("load")) {
        const json& l = all.at("load");
        text += line("other work on the machine meanwhile",
                     fmt::format("{:.0f} % of the cores' time, and {:.0f} % taken by its host{}",
                                 100 * number(l, "others"), 100 * number(l, "steal"),
                                 l.at("busy").get<bool>() ? ": BUSY, these figures mean little" : ""));
    }
    return text;
}

void bench(const BenchFlags& o, const Globals& globals) {
    const Task task = find_task(o.task, o.data_dir.empty() ? data_dir() : std::filesystem::path(o.data_dir));
    const Split split = split_task(task, globals.seed);
    Bench b;
    b.trials = make_trials(task, split.train, 1, o.n_prompt, o.n_shot, globals.seed);
    b.model = open_model(o.model, globals, task.control_names);
    if (!o.prompts.empty()) return write_prompts(b, o);
    b.options = engine_options(globals);
    b.repeats = o.repeats;
    b.n_new = o.n_new;
    b.n_alone = o.n_alone;
    b.cancel = &interrupted;
    b.say = [&](const std::string& what) { note(globals, what); };
    const ModelInfo& info = b.model->info();
    const int threads =
        globals.threads > 0 ? globals.threads : static_cast<int>(std::thread::hardware_concurrency());
    json all = {{"model", info.name},
                {"quantisation", info.quantisation},
                {"architecture", info.architecture},
                {"digest", info.digest},
                {"file_bytes", info.file_bytes},
                {"n_layer", info.n_layer},
                {"n_head", info.n_head_total()},
                {"n_vocab", info.n_vocab},
                {"n_param", info.n_param},
                {"threads", threads},
                {"repeats", o.repeats},
                {"weights", name_of(info.weights)},
                {"version", TILLER_VERSION},
                {"engine", TILLER_ENGINE_VERSION}};
    const LoadWatch watch;
    if (has(o, "memory")) all["memory"] = bench_memory(b);
    if (has(o, "sweep")) all["sweep"] = bench_sweep(b);
    if (has(o, "generation"))
        for (int n_row : o.n_row) all["generation"].push_back(bench_generation(b, n_row));
    if (has(o, "settings"))
        all["settings"] = {{"few_shot", bench_settings(b, item_prompts(task, o, o.n_shot, globals.seed))},
                           {"zero_shot", bench_settings(b, item_prompts(task, o, 0, globals.seed))}};
    if (has(o, "growth")) all["growth"] = bench_growth(b);
    if (has(o, "cuts")) all["cuts"] = bench_cuts(b, o.n_row.front());
    if (const auto load = watch.load())
        all["load"] = {{"others", load->others}, {"steal", load->steal}, {"busy", load->busy()}};
    print(globals.json ? all.dump() + "\n" : text_of(all));
}

}  // namespace

void add_bench(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<BenchFlags>();
    auto* command = app.add_subcommand(
        "bench", "Measure this machine: head search, plain decoding, steered generation, memory");
    command->add_option("-m,--model", o->model, kModelHelp);
    command
        ->add_option("--part", o->parts,
                     "memory, sweep, generation, settings, growth or cuts; several may be given")
        ->check(CLI::IsMember({"memory", "sweep", "generation", "settings", "growth", "cuts"}));
    command->add_option("--repeats", o->repeats, "Timed rounds; medians are shown")
        ->check(CLI::Range(1, 100));
    command->add_option("-t,--task", o->task, "Task name or JSON file that the prompts are made of");
    command->add_option("--data-dir", o->data_dir, "Folder of task files (default: tiller's own)");
    command->add_option("--n-prompts", o->n_prompt, "Prompts of the head search")
        ->check(CLI::Range(1, 10000));
    command->add_option("--shots", o->n_shot, "Demonstrations in each prompt")->check(CLI::Range(1, 1000));
    command->add_option("--items", o->n_item, "Items that settings are swept over")
        ->check(CLI::Range(1, 10000));
    command->add_option("--alone", o->n_alone, "Settings to run alone, for comparison")
        ->check(CLI::Range(1, 384));
    command->add_option("--generate-rows", o->n_row, "Rows to generate together; several may be given")
        ->check(CLI::Range(1, 256));
    command->add_option("--new-tokens", o->n_new, "Tokens that each of them generates")
        ->check(CLI::Range(1, 4096));
    command->add_option("--prompts", o->prompts,
                        "Write the head search's prompts as token ids (JSON) to this file and stop");
    add_globals(*command, globals);
    command->callback([o, &globals] { bench(*o, globals); });
}

}  // namespace tiller::cli
