#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <sstream>
#include <thread>
#include <utility>

#include "core/paths.h"
#include "core/util.h"
#include "study/protocol.h"
#include "study/run_files.h"
#include "study/task_run.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller {

using namespace study;
using nlohmann::json;

namespace study {

void add_cost(const std::filesystem::path& folder, const Cost& c) {
    std::ofstream out(folder / "cost.jsonl", std::ios::app);
    out << json{{"model", c.model},       {"task", c.task},       {"method", c.method},  {"phase", c.phase},
                {"n_decode", c.n_decode}, {"n_token", c.n_token}, {"seconds", c.seconds}}
               .dump()
        << "\n";
    if (!out.flush())
        throw Error(Code::environment, fmt::format("cannot write {}", (folder / "cost.jsonl").string()));
}

}  // namespace study

namespace {

std::string machine_text() {
    utsname name{};
    ::uname(&name);
    std::string cpu = "unknown processor";
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0) {
            cpu = line.substr(line.find(':') + 2);
            break;
        }
    return fmt::format("{}, {} cores, {} {}", cpu, std::thread::hardware_concurrency(), name.sysname,
                       name.machine);
}

json model_record(const std::string& plan_name, const ModelInfo& i) {
    return {{"plan_name", plan_name},
            {"name", i.name},
            {"digest", i.digest},
            {"architecture", i.architecture},
            {"quantisation", i.quantisation},
            {"n_param", i.n_param},
            {"file_bytes", i.file_bytes},
            {"n_layer", i.n_layer},
            {"n_embd", i.n_embd},
            {"n_head", i.n_head_total()},
            {"post_norm", i.post_norm}};
}

// The plan that a folder was made for. An existing folder must hold the same one.
void claim_folder(const Plan& plan, const std::filesystem::path& folder) {
    const auto file = folder / "plan.toml";
    const std::string text = plan_toml(plan);
    std::error_code ec;
    if (!std::filesystem::exists(file, ec)) return write_file_atomic(file, text);
    if (read_file(file, 1 << 20) != text)
        throw Error(Code::bad_input, fmt::format("{} holds the run of another plan (its plan.toml differs); "
                                                 "choose another --out, or remove the "
                                                 "folder",
                                                 folder.string()));
}

json read_environment(const std::filesystem::path& folder) {
    const auto path = folder / "environment.json";
    auto value = json::parse(read_file(path, 1 << 24), nullptr, false);
    if (value.is_discarded())
        throw Error(Code::bad_input,
                    fmt::format("{} is not JSON; run the study again to rebuild it", path.string()));
    return value;
}

// `tasks` are the names of the closing units that this start goes for: what an older version of the program,
// of a task file or of a model left in the records is no result any more.
void write_environment(const std::filesystem::path& folder, const StudyHost& host, const json& models,
                       const json& tasks) {
    const json environment = {{"program_version", TILLER_VERSION},
                              {"engine_version", TILLER_ENGINE_VERSION},
                              {"machine", machine_text()},
                              {"command", host.command},
                              {"cache", host.engine.cache_f32 ? "f32" : "f16"},
                              {"flash_attention", host.engine.flash_attention},
                              {"gpu_layers", host.n_gpu_layers},
                              {"max_rows", host.engine.max_rows},
                              {"models", models},
                              {"tasks", tasks}};
    write_file_atomic(folder / "environment.json", environment.dump(2) + "\n");
}

// All that the numbers of a task depend on, beside the setting.
std::string task_key(const Plan& plan, const StudyHost& host, const ModelInfo& model, const Task& task,
                     std::uint64_t seed, const std::vector<std::string>& further,
                     const std::optional<Instruction>& instruction) {
    Digest d;
    d.add(TILLER_VERSION)
        .add(TILLER_ENGINE_VERSION)
        .add(model.digest)
        .add(task.digest)
        .add(task.name)
        .add(seed);
    d.add(static_cast<std::uint64_t>(host.engine.cache_f32))
        .add(static_cast<std::uint64_t>(host.engine.flash_attention));
    if (host.n_gpu_layers != 0) d.add(static_cast<std::uint64_t>(host.n_gpu_layers));
    d.add(plan_toml(plan));
    for (const auto& text : further) d.add(text);
    if (instruction) d.add(instruction->text).add(instruction->cue);
    return d.hex();
}

// A vector must not be silently wrong: a model whose hooks do not do what they say gets no numbers.
void check_model(Engine& engine, const std::filesystem::path& folder, const std::string& name,
                 const StudyHost& host) {
    const EngineStats before = engine.stats();
    DoctorOptions options;
    options.fast = true;
    const Diagnosis diagnosis = diagnose(engine, options, [&](std::size_t done, std::size_t all) {
        if (host.observer.step) host.observer.step(name, "check of the hooks", done, all);
    });
    const EngineStats& after = engine.stats();
    add_cost(folder, {name, "", "", "check", after.n_decode - before.n_decode, after.n_token - before.n_token,
                      after.seconds - before.seconds});
    require_passed(diagnosis, engine.info());
}

// What a task takes at most: a prompt of its longest items, and a wave of rows that generate after it.
MemoryNeed task_memory(const Plan& plan, const Engine& engine, const Task& task) {
    const bool behavioural = task.family == Family::behavioural;
    const ExtractionPlan& extraction = behavioural ? plan.behavioural : plan.functional;
    std::vector<int> items(task.items.size());
    std::iota(items.begin(), items.end(), 0);
    const auto length = [&](int i) {
        const Item& item = task.items[static_cast<std::size_t>(i)];
        return item.input.size() + item.output.size();
    };
    std::stable_sort(items.begin(), items.end(), [&](int a, int b) { return length(a) > length(b); });
    const auto tokens = [&](int n_shot) {
        const auto n = std::min(static_cast<std::size_t>(n_shot), items.size() - 1);
        const Prompt prompt = make_prompt(task, std::span(items).subspan(1, n), items.front());
        return static_cast<int>(engine.model().tokenize(prompt.text).size());
    };
    const int n_new = behavioural ? plan.max_new_tokens_behavioural : plan.max_new_tokens;
    const int n_shot = behavioural ? plan.n_shot_behavioural : plan.n_shot;
    return engine.memory_need(tokens(std::max(n_shot, extraction.n_shot)) + n_new, tokens(extraction.n_shot),
                              engine.info().n_head_total() + 1);
}

// Says before the first task what the largest one takes, and refuses what cannot fit.
void say_memory(const Plan& plan, const Engine& engine, const std::vector<Task>& tasks,
                const StudyHost& host) {
    MemoryNeed largest;
    for (const auto& task : tasks)
        if (const auto need = task_memory(plan, engine, task);
            need.caches + need.buffers > largest.caches + largest.buffers)
            largest = need;
    require_memory(largest);
    if (host.observer.note) host.observer.note(engine.info().name + " " + memory_text(largest));
}

// tiller's own, and those beside the data that the plan names, which count more.
std::map<std::string, Instruction> known_instructions(const std::filesystem::path& data) {
    auto own = load_instructions(data_dir() / "instructions.json");
    const auto theirs = data / "instructions.json";
    if (!std::filesystem::exists(theirs)) return own;
    auto all = load_instructions(theirs);
    all.merge(own);
    return all;
}

std::vector<int> first(const std::vector<int>& items, int n) {
    return {items.begin(),
            items.begin() + std::min<std::ptrdiff_t>(n, static_cast<std::ptrdiff_t>(items.size()))};
}

TaskContext context_of(const Protocol& protocol, const Plan& plan, const StudyHost& host, Engine& engine,
                       Journal& journal, const std::filesystem::path& folder, const std::string& model,
                       std::uint64_t seed, const Task& task, const std::vector<std::string>& unrelated,
                       const std::string& key) {
    TaskContext c{plan, host, engine, journal,   folder, model, seed, task, protocol.split(task, seed),
                  {},   {},   {},     unrelated, "",     "",    ""};
    c.test = first(c.split.test, plan.n_test);
    c.valid = protocol.validation(plan, c.split);
    c.primary = protocol.primary(c.behavioural());
    c.label = task.name;
    c.key = key;
    return c;
}

}  // namespace

Summary run_study(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host) {
    check_plan(plan);
    const Protocol& protocol = protocol_of(plan);
    const auto data = plan.data_dir.empty() ? data_dir() : std::filesystem::path(plan.data_dir);
    // Everything that can be wrong with the input is found before the first minute of work.
    std::vector<Task> tasks;
    for (const auto& name : plan.tasks) {
        tasks.push_back(find_task(name, data));
        for (std::size_t t = 0; t + 1 < tasks.size(); ++t)
            if (tasks[t].name == tasks.back().name)
                throw Error(
                    Code::bad_input,
                    fmt::format("plan: the tasks {} and {} have the same name; rename one of the files",
                                tasks[t].path.string(), tasks.back().path.string()));
        protocol.check_task(plan, tasks.back());
        for (auto seed : plan.seeds) protocol.split(tasks.back(), seed);
    }
    std::vector<std::filesystem::path> files;
    for (const auto& name : plan.models) files.push_back(host.resolve_model(name));
    const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
    const auto instructions = plan.protocol == "tuned" && plan.instructions
                                  ? known_instructions(data)
                                  : std::map<std::string, Instruction>{};
    const auto instruction_of = [&](const Task& task) {
        const auto it = instructions.find(task.name);
        return it == instructions.end() ? std::nullopt : std::optional(it->second);
    };
    auto further = unrelated;  // what all tasks depend on
    for (const auto& name : protocol.further_tasks(plan)) further.push_back(find_task(name, data).digest);
    make_folder(folder);
    Journal journal(folder);
    claim_folder(plan, folder);
    json models = json::array(), closings = json::array();
    // Closing units by task and seed, one for each model in the plan's order.
    std::map<std::pair<std::size_t, std::uint64_t>, std::vector<std::string>> finished;
    const auto load = [&](const std::filesystem::path& file) {
        return Model::load(file, {host.n_gpu_layers, plan.is_paper() && plan.paper.always_bos,
                                  [&](float) { return !host.cancel || !host.cancel->load(); }});
    };
    for (std::size_t m = 0; m < files.size(); ++m) {
        const std::string& name = plan.models[m];
        const auto model = load(files[m]);
        models.push_back(model_record(name, model->info()));
        const auto key = [&](const Task& task, std::uint64_t seed) {
            return task_key(plan, host, model->info(), task, seed, further, instruction_of(task));
        };
        for (const auto& task : tasks)
            for (auto seed : plan.seeds)
                closings.push_back(unit_name(name, task.name, seed, closing_unit, key(task, seed)));
        write_environment(folder, host, models, closings);
        Engine engine(model, host.engine);
        engine.cancel_with(host.cancel);
        bool begun = false;
        for (std::size_t t = 0; t < tasks.size(); ++t)
            for (auto seed : plan.seeds) {
                TaskContext c = context_of(protocol, plan, host, engine, journal, folder, name, seed,
                                           tasks[t], unrelated, key(tasks[t], seed));
                c.instruction = instruction_of(tasks[t]);
                c.label = fmt::format("{} ({}/{})", c.task.name, t + 1, tasks.size());
                if (!is_finished(c)) {
                    if (!begun) say_memory(plan, engine, tasks, host);
                    if (!begun && host.check) check_model(engine, folder, name, host);
                    begun = true;
                    if (c.behavioural()) {
                        std::vector<int> held_out = c.split.test;
                        held_out.insert(held_out.end(), c.split.valid.begin(), c.split.valid.end());
                        c.scorer = StyleScorer::train(c.task, c.split.train, held_out);
                    }
                    protocol.run(c);
                }
                const auto closing = unit_name(name, c.task.name, seed, closing_unit, c.key);
                finished[{t, seed}].push_back(closing);
                if (host.observer.task) {
                    host.observer.task(summarise_task(plan, journal.units(), journal.records(closing).at(0)));
                }
            }
    }
    for (std::size_t m = 0; files.size() > 1 && m < files.size(); ++m) {
        std::unique_ptr<Engine> engine;  // loaded for the first task that lacks its second run
        for (const auto& [which, names] : finished) {
            std::vector<const json*> all;
            for (const auto& closing : names) all.push_back(&journal.records(closing).at(0));
            if (protocol.has_second_run(journal.units(), *all[m], all)) continue;
            if (!engine) {
                engine = std::make_unique<Engine>(load(files[m]), host.engine);
                engine->cancel_with(host.cancel);
            }
            const auto& [t, seed] = which;
            auto c = context_of(
                protocol, plan, host, *engine, journal, folder, plan.models[m], seed, tasks[t], unrelated,
                task_key(plan, host, engine->info(), tasks[t], seed, further, instruction_of(tasks[t])));
            protocol.second_run(c, *all[m], all);
        }
    }
    return summarise(plan, journal.units(), read_environment(folder));
}

Summary summarise_run(const std::filesystem::path& folder) {
    return summarise(load_plan(folder / "plan.toml"), read_units(folder), read_environment(folder));
}

std::vector<Cost> read_costs(const std::filesystem::path& folder) {
    std::vector<Cost> costs;
    const auto path = folder / "cost.jsonl";
    if (!std::filesystem::exists(path)) return costs;
    std::istringstream lines(read_file(path, 1 << 26));
    for (std::string line; std::getline(lines, line);) {
        try {
            const auto j = json::parse(line);
            costs.push_back({j.at("model"), j.at("task"), j.at("method"), j.at("phase"), j.at("n_decode"),
                             j.at("n_token"), j.at("seconds")});
        } catch (const json::exception&) {
            continue;  // a torn line of a killed run; the ledger is no result
        }
    }
    return costs;
}

}  // namespace tiller
