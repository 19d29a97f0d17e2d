// Methods whose vector is a sum of heads' contributions to the residual stream: function vectors and the
// controls that change one part of them.
#pragma once

#include <cstdint>
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
    bool spares_prompt() const override { return true; }

protected:
    /// Few-shot prompts of the mean head outputs that are summed; empty = the head search's own.
    virtual std::vector<std::string> prompts_of_means(const MethodInput&) const { return {}; }
    /// The n heads to sum. `ranked` holds all heads by falling AIE; n is at most their number.
    virtual std::vector<HeadEffect> heads_of(const std::vector<HeadEffect>& ranked, std::size_t n,
                                             std::uint64_t seed) const;
};

}  // namespace tiller
