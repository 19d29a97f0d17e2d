// Methods whose vector is a sum of heads' contributions to the residual stream: function vectors, the
// controls that change one part of them, and methods that pick heads otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// Function vectors (arXiv 2310.15213). Within a task, all methods of this kind share one head search through
/// the checkpoint.
class HeadMethod : public Method {
public:
    SteeringVector extract(const MethodInput& input) const override;
    Setting paper_setting(const ModelInfo& info) const override;
    std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const override;
    std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const override;
    std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                          const SteeringVector& base) const override;
    float strength(const Setting& setting) const override { return static_cast<float>(setting.at("scale")); }
    std::vector<std::string> counts() const override { return {"n_mean", "n_patch", "n_shot"}; }
    bool spares_prompt() const override { return true; }

protected:
    /// What heads are ranked by, and what was read for it and for the mean head outputs.
    struct Ranking {
        HeadSearch search;   ///< `aie` holds the scores, whatever they are.
        std::string digest;  ///< SHA-256 over the prompts: Provenance::prompts_digest.
        std::size_t n_text = 0;
        std::uint64_t n_token = 0;
        std::map<std::string, std::string> settings;  ///< Of the provenance.
    };
    /// By average indirect effect, unless overridden.
    virtual Ranking rank(const MethodInput& input) const;
    /// Few-shot prompts of the mean head outputs that are summed; empty = those of rank().
    virtual std::vector<std::string> prompts_of_means(const MethodInput&) const { return {}; }
    /// The n heads to sum. `ranked` holds all heads by falling score; n is at most their number.
    virtual std::vector<HeadEffect> heads_of(const std::vector<HeadEffect>& ranked, std::size_t n,
                                             std::uint64_t seed) const;
};

}  // namespace tiller
