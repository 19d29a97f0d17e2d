// A plan carried out: every task on every model with every seed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <sstream>
#include <utility>

#include "core/util.h"
#include "study/cost_ledger.h"
#include "study/environment.h"
#include "study/run_files.h"
#include "study/study_inputs.h"
#include "tiller/doctor.h"
#include "tiller/error.h"

namespace tiller {

using namespace study;
using nlohmann::json;

namespace {

// A vector must not be silently wrong: a model whose hooks do not do what they say gets no numbers.
void check_model(Engine& engine, const std::filesystem::path& folder, const std::string& name,
                 const StudyHost& host) {
    const EngineStats before = engine.stats();
    DoctorOptions options;
    options.fast = true;
    const Diagnosis diagnosis = diagnose(engine, options, [&](std::size_t done, std::size_t all) {
        if (host.observer.step) host.observer.step(name, "check of the hooks", done, all);
    });
    add_cost(folder, spent({name, "", "", "check"}, before, engine.stats()));
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
        return static_cast<int>(engine.model().tokenize_prompt(prompt.text).size());
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

class StudyRun {
public:
    StudyRun(const StudyInputs& inputs, const std::filesystem::path& folder)
        : inputs_(inputs), folder_(folder), journal_(folder) {
        claim_folder(inputs.plan(), folder);
    }

    Summary carry_out() {
        for (std::size_t m = 0; m < inputs_.n_model(); ++m) run_model(m);
        for (std::size_t m = 0; inputs_.n_model() > 1 && m < inputs_.n_model(); ++m) run_again(m);
        FolderCheckpoint(shared_checkpoints(folder_)).remove();
        return summarise(inputs_.plan(), journal_.units(), read_environment(folder_));
    }

private:
    using TaskAndSeed = std::pair<std::size_t, std::uint64_t>;

    void run_model(std::size_t m) {
        const Plan& plan = inputs_.plan();
        const StudyHost& host = inputs_.host();
        const auto model = inputs_.load_model(m);
        models_.push_back(model_record(inputs_.model_name(m), model->info()));
        for (std::size_t t = 0; t < inputs_.tasks().size(); ++t)
            for (const auto seed : plan.seeds) {
                const auto closing = inputs_.closing(m, model->info(), t, seed);
                closings_.push_back(closing);
                finished_[{t, seed}].push_back(closing);
            }
        write_environment(folder_, host, models_, closings_);
        Engine engine(model, host.engine);
        engine.cancel_with(host.cancel);
        bool begun = false;
        for (std::size_t t = 0; t < inputs_.tasks().size(); ++t)
            for (const auto seed : plan.seeds) {
                TaskContext c = inputs_.context(m, t, seed, engine, journal_, folder_);
                if (!is_finished(c)) {
                    if (!begun) say_memory(plan, engine, inputs_.tasks(), host);
                    if (!begun && host.check) check_model(engine, folder_, inputs_.model_name(m), host);
                    begun = true;
                    if (c.behavioural()) {
                        std::vector<int> held_out = c.split.test;
                        held_out.insert(held_out.end(), c.split.valid.begin(), c.split.valid.end());
                        c.scorer = StyleScorer::train(c.task, c.split.train, held_out);
                    }
                    inputs_.protocol().run(c);
                }
                if (host.observer.task)
                    host.observer.task(
                        summarise_task(plan, journal_.units(), closing_record(finished_[{t, seed}][m])));
            }
    }

    void run_again(std::size_t m) {
        const Protocol& protocol = inputs_.protocol();
        std::unique_ptr<Engine> engine;  // made for the first task that lacks its second run
        for (const auto& [which, names] : finished_) {
            std::vector<const json*> all;
            for (const auto& closing : names) all.push_back(&closing_record(closing));
            if (protocol.has_second_run(journal_.units(), *all[m], all)) continue;
            if (!engine) {
                engine = std::make_unique<Engine>(inputs_.load_model(m), inputs_.host().engine);
                engine->cancel_with(inputs_.host().cancel);
            }
            auto c = inputs_.context(m, which.first, which.second, *engine, journal_, folder_);
            protocol.second_run(c, *all[m], all);
        }
    }

    const json& closing_record(const std::string& name) const { return journal_.records(name).at(0); }

    const StudyInputs& inputs_;
    std::filesystem::path folder_;
    Journal journal_;
    json models_ = json::array(), closings_ = json::array();
    std::map<TaskAndSeed, std::vector<std::string>> finished_;  // closing units, in the order of models
};

}  // namespace

Summary run_study(const Plan& plan, const std::filesystem::path& folder, const StudyHost& host) {
    const StudyInputs inputs(plan, host);
    make_folder(folder);
    return StudyRun(inputs, folder).carry_out();
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
