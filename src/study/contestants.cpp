#include "study/contestants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "core/util.h"
#include "methods/provenance.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

// A vector from a file, applied unchanged at several strengths.
class VectorContestant final : public Method {
public:
    VectorContestant(std::string name, const std::filesystem::path& file)
        : name_(std::move(name)), file_(file), vector_(load_vector(file)) {
        if (vector_.extraction)
            throw Error(Code::bad_input,
                        fmt::format("{} is a raw extraction, all that a method read before a setting was "
                                    "chosen; bring a vector that can be applied",
                                    file.string()));
    }

    std::string name() const override { return name_; }
    std::string summary() const override { return fmt::format("the vector {}", file_.string()); }

    SteeringVector extract(const MethodInput& in) const override {
        const ModelInfo& info = in.engine.info();
        require_match(vector_, info, false, file_.string());
        SteeringVector v = vector_;
        v.provenance.settings["brought.method"] = v.method;
        v.provenance.settings["brought.task"] = v.provenance.task;
        v.provenance.settings["brought.file"] = file_.filename().string();
        v.method = name_;
        // A winner's metadata must name the study's model and task; "brought.*" say where the vector is from.
        auto settings = std::move(v.provenance.settings);
        set_provenance(v, info, in.task.name, v.provenance.prompts_digest, in.seed);
        v.provenance.settings.merge(settings);
        return v;
    }
    Setting paper_setting(const ModelInfo&) const override { return {{"scale", own_scale()}}; }
    std::vector<Setting> grid(const ModelInfo&, bool) const override {
        std::vector<Setting> settings;
        for (double factor : {0.25, 0.5, 1.0, 1.5, 2.0, 4.0})
            settings.push_back({{"scale", factor * own_scale()}});
        return settings;
    }
    std::vector<Axis> axes(const ModelInfo&, int) const override {
        std::vector<double> scales;
        for (double factor : {0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0})
            scales.push_back(factor * own_scale());
        return {axis_of("scale", scales)};
    }
    std::function<SteeringVector(const Setting&)> builder(const Model&,
                                                          const SteeringVector& base) const override {
        const auto whole = std::make_shared<SteeringVector>(base);
        return [whole, this](const Setting& setting) {
            SteeringVector v = *whole;
            v.extraction = false;
            v.scale = strength(setting);
            return v;
        };
    }
    float strength(const Setting& setting) const override { return static_cast<float>(setting.at("scale")); }
    std::vector<std::string> counts() const override { return {}; }
    bool spares_prompt() const override {
        using Kind = Positions::Kind;
        return vector_.positions == Kind::last_prompt || vector_.positions == Kind::steered ||
               vector_.positions == Kind::generated;
    }

private:
    double own_scale() const { return vector_.scale != 0 ? static_cast<double>(vector_.scale) : 1.0; }

    std::string name_;
    std::filesystem::path file_;
    SteeringVector vector_;
};

}  // namespace

std::string contestant_name(const std::filesystem::path& file) { return file.stem().string(); }

const Method& contestant(const Plan& plan, const std::string& name) {
    for (const auto& file : plan.vectors) {
        if (contestant_name(file) != name) continue;
        static std::mutex mutex;
        static std::map<std::string, std::unique_ptr<const VectorContestant>> known;
        const std::lock_guard lock(mutex);
        // The digest is part of the key because the file may have changed since it was last read.
        auto& slot = known[name + "\n" + file + "\n" + sha256_file(file)];
        if (!slot) slot = std::make_unique<const VectorContestant>(name, file);
        return *slot;
    }
    return find_method(name);
}

bool wants_concepts(const Plan& plan) {
    return std::any_of(plan.methods.begin(), plan.methods.end(),
                       [&](const auto& name) { return contestant(plan, name).wants_concepts(); });
}

std::vector<std::string> contestant_digests(const Plan& plan) {
    std::vector<std::string> digests;
    for (const auto& file : plan.vectors) digests.push_back(sha256_file(file));
    return digests;
}

}  // namespace tiller::study
