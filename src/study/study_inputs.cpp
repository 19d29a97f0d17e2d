#include "study/study_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/paths.h"
#include "core/util.h"
#include "methods/concepts.h"
#include "study/contestants.h"
#include "study/units.h"
#include "tasks/split_shares.h"
#include "tiller/chat_form.h"
#include "tiller/error.h"
#include "tiller/version.h"

namespace tiller::study {
namespace {

// Counted up when a study computes, chooses or scores by another rule while the version stays: work of an
// older program is then done again instead of being mixed with this one's.
constexpr std::uint64_t kRules = 2;

// tiller's own instructions and those of the plan's data folder, which win where both have a task.
std::map<std::string, Instruction> known_instructions(const std::filesystem::path& data) {
    auto own = load_instructions(data_dir() / "instructions.json");
    const auto theirs = data / "instructions.json";
    if (!std::filesystem::exists(theirs)) return own;
    auto all = load_instructions(theirs);
    all.merge(own);
    return all;
}

Split split_of(const Plan& plan, const Protocol& protocol, const Task& task, std::uint64_t seed) {
    return plan.tuning.split.empty() ? protocol.split(task, seed) : split_task(task, seed, plan.tuning.split);
}

std::vector<int> first(const std::vector<int>& items, int n) {
    return {items.begin(),
            items.begin() + std::min<std::ptrdiff_t>(n, static_cast<std::ptrdiff_t>(items.size()))};
}

}  // namespace

StudyInputs::StudyInputs(const Plan& plan, const StudyHost& host)
    : plan_(plan), host_(host), protocol_(protocol_of(plan)) {
    check_plan(plan);
    const auto data = plan.data_dir.empty() ? data_dir() : std::filesystem::path(plan.data_dir);
    for (const auto& name : plan.tasks) {
        tasks_.push_back(find_task(name, data));
        if (!plan.family.empty() && is_task_file(name)) set_family(tasks_.back(), plan.family);
        const Task& task = tasks_.back();
        for (std::size_t t = 0; t + 1 < tasks_.size(); ++t)
            if (tasks_[t].name == task.name)
                throw Error(
                    Code::bad_input,
                    fmt::format("plan: the tasks {} and {} have the same name; rename one of the files",
                                tasks_[t].path.string(), task.path.string()));
        protocol_.check_task(plan, task);
        for (auto seed : plan.seeds) split_of(plan, protocol_, task, seed);
    }
    control_names_of(tasks_);  // throws when the tasks disagree, before a model is loaded
    for (const auto& name : plan.models) files_.push_back(host.resolve_model(name));
    further_ = unrelated_ = load_sentences(data_dir() / "truncated_sentences.json");
    for (const auto& digest : contestant_digests(plan)) further_.push_back(digest);
    for (const auto& name : protocol_.further_tasks(plan)) further_.push_back(find_task(name, data).digest);
    if (wants_concepts(plan)) {
        further_concepts_ = concept_catalogue();
        // Methods of concepts read other tasks for a task's vector, so its numbers depend on all of them.
        for (const auto* list : {&tasks_, &further_concepts_})
            for (const Task& task : *list) further_.push_back(task.digest);
    }
    if (!plan.chat_template.empty())
        further_.push_back(chat_template_ = read_chat_template(plan.chat_template));
    if (protocol_.traits.has_instructions && plan.instructions) instructions_ = known_instructions(data);
}

std::shared_ptr<const Model> StudyInputs::load_model(std::size_t model) const {
    const auto* cancel = host_.cancel;
    ModelOptions options;
    options.n_gpu_layers = host_.n_gpu_layers;
    options.rpc = host_.rpc;
    options.always_bos = protocol_.policy(plan_).always_bos;
    options.progress = [cancel](float) { return !cancel || !cancel->load(); };
    options.weights = host_.weights;
    options.cache_dir = host_.cache_dir;
    options.trim_memory = host_.trim_memory;
    // A chat template writes the names of control tokens into the prompt, and they must be parsed.
    options.control_names = plan_.chat ? ControlNames::parse : control_names_of(tasks_);
    auto loaded = Model::load(files_[model], options);
    if (plan_.chat)
        for (const Task& task : tasks_) require_no_control_names(*loaded, task);
    return loaded;
}

Template StudyInputs::form_of(const Model& model) const {
    return plan_.chat ? chat_form(model, chat_template_) : Template{};
}

std::optional<Instruction> StudyInputs::instruction_of(const Task& task) const {
    const auto it = instructions_.find(task.name);
    return it == instructions_.end() ? std::nullopt : std::optional(it->second);
}

std::string StudyInputs::key(const ModelInfo& model, const Task& task, std::uint64_t seed) const {
    Digest d;
    d.add(TILLER_VERSION)
        .add(kRules)
        .add(TILLER_ENGINE_VERSION)
        .add(model.digest)
        .add(task.digest)
        .add(task.name)
        .add(seed);
    d.add(static_cast<std::uint64_t>(host_.engine.cache_f32))
        .add(static_cast<std::uint64_t>(host_.engine.flash_attention));
    if (model.weights != Weights::file) d.add(name_of(model.weights));
    if (host_.n_gpu_layers != 0) d.add(static_cast<std::uint64_t>(host_.n_gpu_layers));
    // Which servers are used is left out, so that a run can go on with other ones.
    if (!model.servers.empty()) d.add("rpc");
    d.add(plan_toml(plan_));
    for (const auto& text : further_) d.add(text);
    if (const auto instruction = instruction_of(task)) d.add(instruction->text).add(instruction->cue);
    return d.hex();
}

std::string StudyInputs::data_digest() const {
    Digest d;
    for (const Task& task : tasks_) d.add(task.name).add(task.digest);
    for (const auto& text : further_) d.add(text);
    for (const auto& [name, instruction] : instructions_)
        d.add(name).add(instruction.text).add(instruction.cue);
    return d.hex();
}

std::string StudyInputs::closing(std::size_t model, const ModelInfo& info, std::size_t task,
                                 std::uint64_t seed) const {
    return unit_name(model_name(model), tasks_[task].name, seed, closing_unit, key(info, tasks_[task], seed));
}

TaskContext StudyInputs::context(std::size_t model, std::size_t task, std::uint64_t seed, Engine& engine,
                                 Journal& journal, const std::filesystem::path& folder) const {
    const Task& of = tasks_[task];
    TaskContext c{.plan = plan_,
                  .host = host_,
                  .engine = engine,
                  .journal = journal,
                  .folder = folder,
                  .model_name = model_name(model),
                  .seed = seed,
                  .task = of,
                  .split = split_of(plan_, protocol_, of, seed),
                  .policy = protocol_.policy(plan_),
                  .unrelated = unrelated_,
                  .instruction = instruction_of(of)};
    c.test = first(c.split.test, plan_.n_test);
    c.valid = protocol_.validation(plan_, c.split);
    c.primary = protocol_.primary(plan_, c.behavioural());
    if (wants_concepts(plan_)) c.concepts = concepts_of(of, tasks_, further_concepts_, c.split.train, seed);
    c.label = fmt::format("{} ({}/{})", of.name, task + 1, tasks_.size());
    c.key = key(engine.info(), of, seed);
    c.form = form_of(engine.model());
    return c;
}

void train_scorer(TaskContext& c) {
    if (!c.behavioural()) return;
    std::vector<int> held_out = c.split.test;
    if (c.split.valid != c.split.test)  // a draw's test items are its validation items as well
        held_out.insert(held_out.end(), c.split.valid.begin(), c.split.valid.end());
    c.scorer = StyleScorer::train(c.task, c.split.train, held_out);
}

}  // namespace tiller::study
