// In-context vectors as a Method of studies.
#include "core/util.h"
#include "methods/provenance.h"
#include "tiller/method.h"

namespace tiller {
namespace {

class InContextVectors final : public Method {
public:
    std::string name() const override { return "icv"; }
    std::string summary() const override {
        return "in-context vector: principal direction of paired texts, turned into every MLP output (arXiv "
               "2311.06668)";
    }

    SteeringVector extract(const MethodInput& in) const override {
        const auto it = in.options.find("n_pairs");
        const int n = it == in.options.end() ? 100 : static_cast<int>(it->second);
        const auto pairs = make_pairs(in.task, in.train, n, in.unrelated, in.seed);
        Digest digest;
        for (const auto& pair : pairs) digest.add(pair.negative).add(pair.positive);
        SteeringVector v = in_context_vector(in.engine, pairs, {}, in.progress);
        set_provenance(v, in.engine.info(), in.task.name, digest.hex(), in.seed);
        return v;
    }

    Setting paper_setting(const ModelInfo&) const override { return {{"alpha", 1.0}}; }

    std::vector<Setting> grid(const ModelInfo&, bool) const override {
        std::vector<Setting> settings;
        for (double alpha : {0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 1.5}) settings.push_back({{"alpha", alpha}});
        return settings;
    }

    std::function<SteeringVector(const Setting&)> builder(const Model&,
                                                          const SteeringVector& base) const override {
        auto shell = std::make_shared<SteeringVector>(base);
        return [shell](const Setting& setting) {
            SteeringVector v = *shell;
            v.scale = static_cast<float>(setting.at("alpha"));
            return v;
        };
    }

    float strength(const Setting& setting) const override { return static_cast<float>(setting.at("alpha")); }
    bool spares_prompt() const override { return false; }
};

}  // namespace

const Method& method_icv() {
    static const InContextVectors method;
    return method;
}

}  // namespace tiller
