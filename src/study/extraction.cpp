// Extracted vectors of a run folder, with checkpoints for the long ones.
#include <fmt/format.h>

#include <cstring>

#include "core/util.h"
#include "study/task_run.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

class FolderCheckpoint final : public Checkpoint {
public:
    explicit FolderCheckpoint(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::optional<std::vector<float>> load(const std::string& key) override {
        const auto path = folder_ / (key + ".f32");
        if (!std::filesystem::exists(path)) return std::nullopt;
        const std::string bytes = read_file(path, std::uint64_t{1} << 30);
        std::vector<float> values(bytes.size() / sizeof(float));
        std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
        return values;
    }
    void store(const std::string& key, std::span<const float> values) override {
        std::filesystem::create_directories(folder_);
        write_file_atomic(folder_ / (key + ".f32"),
                          {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    }
    void remove() const {
        std::error_code ec;
        std::filesystem::remove_all(folder_, ec);
    }

private:
    std::filesystem::path folder_;
};

Setting options_of(const TaskContext& c) {
    const ExtractionPlan& e = c.extraction();
    return {{"n_mean", e.n_mean}, {"n_patch", e.n_patch}, {"n_shot", e.n_shot}, {"n_pairs", e.n_pairs}};
}

}  // namespace

std::filesystem::path vector_file(const TaskContext& c, const Method& method) {
    // The name holds a digest of all that the vector depends on, so that a changed plan never finds an old
    // file.
    Digest digest;
    digest.add(c.key).add(method.name());
    for (const auto& [key, value] : options_of(c)) digest.add(key).add(fmt::format("{}", value));
    const auto model = std::filesystem::path(c.model_name).stem().string();
    return std::filesystem::path("vectors") / fmt::format("{}-{}-s{}-{}-{}.gguf", model, c.task.name, c.seed,
                                                          method.name(), digest.hex().substr(0, 8));
}

SteeringVector extracted_vector(TaskContext& c, const Method& method) {
    const auto path = c.folder / vector_file(c, method);
    if (std::filesystem::exists(path)) {
        auto vector = load_vector(path);
        require_match(vector, c.engine.info());
        return vector;
    }
    FolderCheckpoint checkpoint(c.folder / "checkpoints" / path.stem());
    MethodInput input{c.engine, c.task, c.split.train, c.unrelated, c.seed, options_of(c), &checkpoint, {}};
    input.progress = [&](std::size_t done, std::size_t all) {
        c.step(method.name() + ": extraction", done, all);
    };
    const EngineStats before = c.engine.stats();
    SteeringVector vector = method.extract(input);
    const EngineStats& after = c.engine.stats();
    std::filesystem::create_directories(path.parent_path());
    save_vector(vector, path);
    checkpoint.remove();
    add_cost(c.folder, {c.model_name, c.task.name, method.name(), "extract", after.n_decode - before.n_decode,
                        after.n_token - before.n_token, after.seconds - before.seconds});
    return load_vector(path);  // what a resumed run would use
}

}  // namespace tiller::study
