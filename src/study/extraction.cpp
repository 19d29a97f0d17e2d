#include "study/extraction.h"

#include <fmt/format.h>

#include <utility>

#include "core/util.h"
#include "methods/checkpoint.h"
#include "study/cost_ledger.h"
#include "study/run_files.h"
#include "tiller/chat_form.h"
#include "tiller/version.h"

namespace tiller::study {
namespace {

Setting options_of(const TaskContext& c, std::optional<int> n_pairs) {
    const ExtractionPlan& e = c.counts().extraction;
    Setting options = {{"n_mean", e.n_mean},
                       {"n_patch", e.n_patch},
                       {"n_shot", e.n_shot},
                       {"n_pairs", n_pairs.value_or(e.n_pairs)}};
    options.insert(c.policy.extraction.begin(), c.policy.extraction.end());
    return options;
}

MethodInput input_of(TaskContext& c, const Method& method, std::optional<int> n_pairs, Checkpoint* checkpoint,
                     const TaskForm* form = nullptr) {
    const Task& task = form ? form->task : c.task;
    MethodInput input{
        c.engine, task, c.split.train, c.unrelated, c.draw_seed(), options_of(c, n_pairs), checkpoint,
        {},       {}};
    if (c.policy.queries_from_validation) input.queries = c.split.valid;
    input.form = form ? form->form->pieces : c.form;
    input.states = &c.states;
    if (method.wants_concepts()) input.concepts = c.concepts;
    const std::string what = method.name() + (form ? ", " + form->form->name : "") + ": extraction";
    input.progress = [&c, what](std::size_t done, std::size_t all) { c.step(what, done, all); };
    return input;
}

// Saves an extracted vector. One that settings are built from is marked as a raw extraction, so that it is
// not mistaken for a chosen vector.
void keep(const TaskContext& c, SteeringVector vector, const std::filesystem::path& path) {
    if (!c.policy.vectors_are_conditions) vector.extraction = true;
    make_folder(path.parent_path());
    save_vector(vector, path);
}

SteeringVector saved_vector(const TaskContext& c, const std::filesystem::path& path) {
    auto vector = load_vector(path);
    require_match(vector, c.engine.info());
    return vector;
}

// Adds what the engine did since `before` to the cost ledger, as the extraction of the method.
void charge(const TaskContext& c, const Method& method, const EngineStats& before) {
    add_cost(c.folder,
             spent({c.model_name, c.task.name, method.name(), "extract"}, before, c.engine.stats()));
}

// The name contains a digest of all that the contents depend on, so that a changed plan never finds an old
// file. The first draw's files are named like those of a study without draws.
std::string file_stem(const TaskContext& c, const std::string& what, std::optional<int> n_pairs = {}) {
    const std::string of = c.draw > 0 ? fmt::format("{}-draw{}", what, c.draw + 1) : what;
    Digest digest;
    digest.add(c.key).add(of);
    for (const auto& [key, value] : options_of(c, n_pairs)) digest.add(key).add(fmt::format("{}", value));
    const auto model = std::filesystem::path(c.model_name).stem().string();
    return fmt::format("{}-{}-s{}-{}-{}", model, c.task.name, c.seed, of, digest.hex().substr(0, 8));
}

// One folder for all methods and draws of the task, which share work through it. The checkpoints' keys say
// which texts were read.
std::filesystem::path checkpoint_folder(const TaskContext& c) {
    return c.folder / "checkpoints" / fmt::format("{}-s{}-{}", c.task.name, c.seed, c.key.substr(0, 8));
}

// Checkpoints of values that depend on the prompts, the model and the plan, but not on the task.
std::filesystem::path shared_folder(const TaskContext& c) {
    Digest digest;
    digest.add(TILLER_VERSION).add(TILLER_ENGINE_VERSION).add(c.engine.info().digest);
    digest.add(plan_toml(c.plan)).add(static_cast<std::uint64_t>(c.host.n_gpu_layers));
    digest.add(static_cast<std::uint64_t>(c.host.engine.cache_f32));
    digest.add(static_cast<std::uint64_t>(c.host.engine.flash_attention));
    digest.add(name_of(c.engine.info().weights));
    if (!c.engine.info().servers.empty()) digest.add("rpc");
    return shared_checkpoints(c.folder) / digest.hex().substr(0, 16);
}

// The checkpoint of a task. Head outputs of a set of prompts go to the shared folder: a method of concepts
// reads the same sets for several tasks.
class TaskCheckpoint final : public Checkpoint {
public:
    explicit TaskCheckpoint(const TaskContext& c) : own_(checkpoint_folder(c)), shared_(shared_folder(c)) {}
    std::optional<std::vector<float>> load(const std::string& key) override { return of(key).load(key); }
    void store(const std::string& key, std::span<const float> values) override { of(key).store(key, values); }

private:
    FolderCheckpoint& of(const std::string& key) { return is_outputs_key(key) ? shared_ : own_; }
    FolderCheckpoint own_, shared_;
};

}  // namespace

std::filesystem::path vector_file(const TaskContext& c, const Method& method, std::optional<int> n_pairs,
                                  const TaskForm* form) {
    const auto name =
        method.name() + (n_pairs ? fmt::format("-{}", *n_pairs) : "") + (form ? "-" + form->form->name : "");
    return std::filesystem::path("vectors") / (file_stem(c, name, n_pairs) + ".gguf");
}

void remove_checkpoints(const TaskContext& c) {
    std::error_code ec;
    std::filesystem::remove_all(checkpoint_folder(c), ec);
}

SteeringVector extracted_vector(TaskContext& c, const Method& method, const TaskForm* form) {
    const auto path = c.folder / vector_file(c, method, {}, form);
    if (std::filesystem::exists(path)) return saved_vector(c, path);
    TaskCheckpoint checkpoint(c);
    const EngineStats before = c.engine.stats();
    SteeringVector vector = method.extract(input_of(c, method, {}, &checkpoint, form));
    if (form || c.form.is_chat) vector.provenance.settings["form"] = form ? form->form->name : chat_form_name;
    keep(c, std::move(vector), path);
    charge(c, method, before);
    return load_vector(path);  // what a resumed run would use
}

std::map<int, SteeringVector> extracted_vectors(TaskContext& c, const Method& method,
                                                std::span<const int> n_pairs) {
    std::map<int, SteeringVector> vectors;
    std::vector<int> missing;
    for (const int n : n_pairs) {
        const auto path = c.folder / vector_file(c, method, n);
        if (std::filesystem::exists(path))
            vectors.emplace(n, saved_vector(c, path));
        else
            missing.push_back(n);
    }
    if (missing.empty()) return vectors;
    const EngineStats before = c.engine.stats();
    const auto made = method.extract_sizes(input_of(c, method, {}, nullptr), missing);
    for (std::size_t i = 0; i < missing.size(); ++i) {
        const auto path = c.folder / vector_file(c, method, missing[i]);
        keep(c, made[i], path);
        vectors.emplace(missing[i], load_vector(path));
    }
    charge(c, method, before);
    return vectors;
}

}  // namespace tiller::study
