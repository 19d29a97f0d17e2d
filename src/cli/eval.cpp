// tiller eval: scores a vector file on a task's test items.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/chat_form_option.h"
#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/steering.h"
#include "cli/task_option.h"
#include "core/util.h"
#include "scoring/metrics.h"
#include "tasks/split_shares.h"
#include "tiller/chat_form.h"
#include "tiller/error.h"
#include "tiller/scoring.h"
#include "tiller/statistics.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

struct EvalFlags {
    std::string model, task, data_dir, family;
    SteeringOptions steering;
    ChatFormOptions chat;
    bool seed_given = false;
    int n_test = 100, n_shot = 0, n_tokens = 0;
};

struct Scores {
    std::map<std::string, std::vector<double>> values;
    std::size_t n_broken = 0;  ///< Rows whose numbers the vectors drove to NaN or infinity.
    void add(const std::string& name, double value) { values[name].push_back(value); }
    /// Does every item have a value? A broken row has no log-probability, and a mean over the other rows
    /// would be biased: the vector decided which items count.
    bool complete(const std::string& name) const {
        const auto& all = values.at(name);
        return std::all_of(all.begin(), all.end(), [](double value) { return std::isfinite(value); });
    }
};

void score(const Task& task, const Item& item, const StyleScorer* scorer, const RowResult& result,
           const Prompt& prompt, Scores& scores) {
    if (result.broken) ++scores.n_broken;
    if (!result.watch_rank.empty()) {
        const int rank = *std::min_element(result.watch_rank.begin(), result.watch_rank.end());
        scores.add("rank", result.broken ? std::numeric_limits<double>::quiet_NaN() : rank);
        scores.add("first_token", rank == 0 ? 1 : 0);
        scores.add("logprob", static_cast<double>(*std::max_element(result.watch_logprob.begin(),
                                                                    result.watch_logprob.end())));
    }
    const ScoredOutput output(result.text, {.targets = prompt.targets,
                                            .input = item.input,
                                            .keep_case = keeps_case(task.name),
                                            .style = scorer,
                                            .broken = result.broken});
    for (const Metric* metric : metrics())
        if (const auto of = scorer ? metric->of_text : metric->of_answer)
            scores.add(metric->name, of(output));
}

// The seed in the vectors' files where they were made from this task: another seed would put their training
// items among the test items.
std::uint64_t seed_of(const EvalFlags& o, const Globals& globals, const Task& task,
                      const std::vector<Provenance>& vectors) {
    std::optional<std::uint64_t> own;
    bool differ = false;
    for (const Provenance& made : vectors) {
        if (made.task != task.name) continue;
        differ = differ || (own && *own != made.seed);
        own = made.seed;
    }
    if (!own || (!differ && *own == globals.seed)) return globals.seed;
    if (!o.seed_given && !differ) {
        note(globals, fmt::format("test items of seed {}, the vector's own", *own));
        return *own;
    }
    note(globals,
         fmt::format("seed {}: vectors of this task with another seed were made of some of the test items, "
                     "which makes their scores too high",
                     globals.seed));
    return globals.seed;
}

// The split that the vectors were made with, so that they are tested on other items than their training
// items.
Split split_of(const Task& task, std::uint64_t seed, const std::vector<Provenance>& vectors) {
    for (const Provenance& made : vectors) {
        if (made.task != task.name || made.seed != seed) continue;
        if (const auto split = made.settings.find("winner.split"); split != made.settings.end())
            return split_task(task, seed, shares_from(split->second));
        const auto draw = made.settings.find("winner.draw");
        if (draw == made.settings.end()) continue;
        int k = 0, n = 0;
        if (std::sscanf(draw->second.c_str(), "%d of %d", &k, &n) == 2 && n >= 2 && k >= 1 && k <= n)
            return fold_task(task, seed, n)[static_cast<std::size_t>(k - 1)];
    }
    return split_task(task, seed);
}

// Vectors made from conversations are evaluated in conversations.
ChatFormOptions chat_of(const EvalFlags& o, const std::vector<Provenance>& vectors, const Globals& globals) {
    ChatFormOptions chat = o.chat;
    for (const Provenance& made : vectors) {
        const auto form = made.settings.find("form");
        if (chat.chat || form == made.settings.end() || form->second != chat_form_name) continue;
        note(globals, "prompts are conversations, as those that the vector was made of");
        chat.chat = true;
    }
    return chat;
}

void evaluate(const EvalFlags& o, const Globals& globals) {
    if (o.steering.vectors.vectors.empty() && o.steering.from.empty())
        throw Error(Code::usage, "eval needs a vector: --vector V.gguf, or --from RUN");
    const Task task = given_task(o.task, o.data_dir, o.family, globals);
    auto model = open_model(o.model, globals, control_names_for(o.chat, task.control_names));
    const auto vectors = vector_arguments(o.steering, model->info(), globals, task.name);
    std::vector<Provenance> made;
    for (const auto& argument : vectors)
        made.push_back(load_vector(parse_vector_argument(argument).path).provenance);
    const ChatFormOptions chat = chat_of(o, made, globals);
    const ControlNames names = control_names_for(chat, task.control_names);
    if (names != model->info().control_names) model = open_model(o.model, globals, names);
    const Template form = form_for(chat, *model, task);
    const auto edits = load_edits(vectors, model->info(), globals, o.steering.vectors.layers);
    const std::uint64_t seed = seed_of(o, globals, task, made);
    const Split split = split_of(task, seed, made);
    const bool behavioural = task.family == Family::behavioural;
    std::optional<StyleScorer> scorer;
    if (behavioural) scorer = StyleScorer::train(task, split.train, split.test);
    Engine engine = make_engine(model, globals);
    engine.cancel_with(&interrupted);
    const auto n = std::min<std::size_t>(split.test.size(), static_cast<std::size_t>(o.n_test));
    std::vector<Row> rows;
    std::vector<Prompt> prompts;
    for (std::size_t i = 0; i < n; ++i) {
        prompts.push_back(make_test_prompt(task, split.train, split.test[i], o.n_shot, seed, false, form));
        for (bool steered : {false, true}) {
            Row row;
            row.prompt = model->tokenize_prompt(prompts.back().text);
            if (steered) row.edits = edits;
            row.max_new_tokens = o.n_tokens > 0 ? o.n_tokens : behavioural ? 20 : 6;
            if (!behavioural) row.stop = {"\n"};
            for (const auto& target : prompts.back().targets)
                if (const auto tokens = model->continuation(prompts.back().text, target); !tokens.empty())
                    row.watch.push_back(tokens.front());
            rows.push_back(std::move(row));
        }
    }
    ProgressLine line("items", globals.quiet);
    engine.on_progress([&](std::size_t done, std::size_t all) { line.update(done, all); });
    const auto results = engine.run(rows);
    for (std::size_t i = 0; i < n; ++i)
        if (results[2 * i].broken) throw own_numbers_broken(model->info());
    Scores plain, steered;
    for (std::size_t i = 0; i < n; ++i) {
        const Item& item = task.items[static_cast<std::size_t>(split.test[i])];
        score(task, item, scorer ? &*scorer : nullptr, results[2 * i], prompts[i], plain);
        score(task, item, scorer ? &*scorer : nullptr, results[2 * i + 1], prompts[i], steered);
    }
    nlohmann::json out = {{"task", task.name},    {"n", n},
                          {"shots", o.n_shot},    {"seed", seed},
                          {"chat", form.is_chat}, {"metrics", nlohmann::json::object()}};
    std::string text = fmt::format(
        "{}, {} test items, {}-shot prompts{}\n{:<14} {:>10} {:>10}   difference (95 %)\n", task.name, n,
        o.n_shot, form.is_chat ? " in the chat format" : "", "score", "unsteered", "steered");
    const auto as_json = [](const Interval& i) {
        return nlohmann::json{{"mean", i.mean}, {"low", i.low}, {"high", i.high}};
    };
    for (const auto& [name, values] : steered.values) {
        if (!steered.complete(name)) {
            out["metrics"][name] = nullptr;
            text += fmt::format("{:<14} {:>10} {:>10}   -\n", name, "-", "-");
            continue;
        }
        const Metric* metric = find_metric(name);
        const Scale scale = metric ? metric->scale : Scale::number;
        const Interval a = bootstrap_mean(plain.values[name], scale, 2000, seed);
        const Interval b = bootstrap_mean(values, scale, 2000, seed);
        const Interval d = bootstrap_difference(values, plain.values[name], scale, 2000, seed);
        out["metrics"][name] = {
            {"unsteered", as_json(a)}, {"steered", as_json(b)}, {"difference", as_json(d)}};
        text += fmt::format("{:<14} {:>10.3f} {:>10.3f}   {:+.3f} ({:+.3f} to {:+.3f})\n", name, a.mean,
                            b.mean, d.mean, d.low, d.high);
    }
    out["n_broken"] = steered.n_broken;
    if (steered.n_broken > 0)
        warn(fmt::format(
            "{} of {} steered items broke: the vectors drove the model's numbers to NaN or infinity. "
            "They count as wrong answers and have no log-probability; give smaller scales",
            steered.n_broken, n));
    if (scorer) {
        out["scorer_accuracy"] = scorer->held_out_accuracy();
        text += fmt::format("style scorer: {:.0f} % right on {} held-out sentences\n",
                            scorer->held_out_accuracy() * 100, scorer->held_out_count());
    }
    print(globals.json ? out.dump() + "\n" : text);
}

}  // namespace

void add_eval(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<EvalFlags>();
    auto* command =
        app.add_subcommand("eval", "Score vectors on a task's test items, beside the unsteered model");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    command->add_option("-t,--task", o->task, "Task name or JSON file")->required();
    add_steering_options(*command, o->steering, globals);
    add_family_option(*command, o->family);
    add_chat_form_options(*command, o->chat);
    command->add_option("--data-dir", o->data_dir, "Folder of task files (default: tiller's own)");
    command->add_option("--n-test", o->n_test, "Test items at most")->check(CLI::Range(2, 1000000));
    command->add_option("--shots", o->n_shot, "Demonstrations in front of each query")
        ->check(CLI::Range(0, 1000));
    command->add_option("-n,--tokens", o->n_tokens, "New tokens at most (default 6, behavioural tasks 20)")
        ->check(CLI::Range(1, 10000))
        ->default_str("");
    add_globals(*command, globals);
    command->callback([o, &globals, command] {
        o->seed_given = command->count("--seed") > 0;
        evaluate(*o, globals);
    });
}

}  // namespace tiller::cli
