// Methods whose vector is a sum of heads' contributions to the residual stream: function vectors, their
// controls, and methods that pick the heads by another score.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller {

/// Function vectors (arXiv 2310.15213), with rank(), prompts_of_means() and heads_of() to be overridden. The
/// methods of one task that do not override rank() share one head search through the checkpoint.
class HeadMethod : public Method {
public:
    /// Ranks all heads and sums the paper's number of them at the paper's layer. The result also has the
    /// scores and the mean outputs of all heads, from which builder() makes the vectors of other settings.
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
    /// The scores that heads are ranked by, the mean head outputs, and what was read to compute both.
    struct Ranking {
        HeadSearch search;          ///< `aie` has the scores, also where they are no indirect effects.
        std::string digest;         ///< SHA-256 over the prompts: Provenance::prompts_digest.
        std::size_t n_text = 0;     ///< Prompts read, for set_inputs().
        std::uint64_t n_token = 0;  ///< Tokens read, for set_inputs().
        std::map<std::string, std::string> settings;  ///< Added to Provenance::settings.
    };
    /// Scores all heads. Without an override by average indirect effect (search_heads()).
    virtual Ranking rank(const MethodInput& input) const;
    /// Few-shot prompts whose mean head outputs the vector is made of; empty = the means that rank() gave.
    virtual std::vector<std::string> prompts_of_means(const MethodInput&) const { return {}; }
    /// The n heads to sum. `ranked` has all heads by falling score; n is at most their number. `seed` is the
    /// extraction's, for overrides that draw heads. Without an override the first n.
    virtual std::vector<HeadEffect> heads_of(const std::vector<HeadEffect>& ranked, std::size_t n,
                                             std::uint64_t seed) const;
};

}  // namespace tiller
