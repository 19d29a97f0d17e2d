// Function vectors (arXiv 2310.15213): the search for heads, and the sum of their contributions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tiller/checkpoint.h"
#include "tiller/engine.h"
#include "tiller/task.h"
#include "tiller/vector.h"

namespace tiller {

/// Prompts of a head search, as plain text.
struct FvTrials {
    struct Patch {
        std::string prompt;  ///< Few-shot prompt with shuffled labels.
        std::string target;  ///< What should follow, with its leading blank; its first token is scored.
    };
    std::vector<std::string> mean;  ///< Few-shot prompts with right labels.
    std::vector<Patch> patch;
};

/// Trials of a task: n_mean few-shot prompts with right labels, n_patch with shuffled ones, from items of
/// `pool`. The two lists come from different streams of `seed`, so that the effects are not tied to the
/// means' own demonstrations. With `queries`, the queries are items of that list (see make_prompts()). All
/// prompts have the given form.
FvTrials make_trials(const Task& task, std::span<const int> pool, int n_mean, int n_patch, int n_shot,
                     std::uint64_t seed, std::span<const int> queries = {}, const Template& form = {});
/// SHA-256 over all prompts and targets, in order: Provenance::prompts_digest.
std::string prompts_digest(const FvTrials& trials);

/// What the causal mediation over heads found.
struct HeadSearch {
    std::vector<std::vector<float>>
        mean_head_output;  ///< [n_layer][n_head * d_head], at the last prompt token.
    std::vector<std::vector<float>>
        aie;  ///< [n_layer][n_head]: mean over trials of p(target | patched) - p(target | clean).
    double clean_probability = 0;  ///< Mean p(target) of the unpatched trials.
    double noise = 0;              ///< Standard error of the AIE, median over heads: the size of "nothing".
};

/// Mean head outputs over few-shot prompts at their last token (section 2.3, eq. 3): [n_layer][n_head *
/// d_head], empty in layers without heads. Throws bad_input when there is no prompt or a value is not finite.
std::vector<std::vector<float>> mean_head_outputs(Engine& engine, std::span<const std::string> prompts,
                                                  Checkpoint* checkpoint = nullptr,
                                                  const Progress& progress = {});

/// Mean head outputs (section 2.3, eq. 3) and average indirect effects (eq. 5, 6). One prompt's heads are
/// patched as branches of one fork. Throws bad_input when a list is empty; errors of the engine pass through.
HeadSearch search_heads(Engine& engine, const FvTrials& trials, Checkpoint* checkpoint = nullptr,
                        const Progress& progress = {});

/// Heads by falling AIE, ties by lower layer, then lower head; all of them.
std::vector<HeadEffect> rank_heads(const std::vector<std::vector<float>>& aie);

/// The paper's edit layer: min(ceil(n_layer / 3), n_layer - 1).
int default_fv_layer(int n_layer);
/// The comparison paper's number of heads: 20 for Llama-2-7b's 1024 heads, else ceil(L * H / 51.2).
int paper_head_count(const ModelInfo& info);

struct ContributionOptions {
    bool post_norm =
        true;  ///< Apply the post-norm where the architecture has one; off only to show what it does.
    bool bias_per_head =
        false;  ///< The reference code adds W_O's bias once per head (a defect); off by default.
};

/// What one layer's attention block adds to the residual stream, by parts that add up to it
/// (docs/methods.md).
struct LayerContributions {
    std::vector<std::vector<float>> heads;  ///< [n_head][n_embd]
    std::vector<float> bias;                ///< [n_embd]: the share of W_O's bias; empty where there is none.
};
/// The parts for head outputs `z` ([n_head * d_head], head-major) of one token, or their mean, in a layer of
/// the model that `info` describes and `projection` is of. Float64 inside. Throws bad_input when z has
/// another width.
LayerContributions layer_contributions(const AttentionProjection& projection, const ModelInfo& info,
                                       int layer, std::span<const float> z,
                                       const ContributionOptions& options = {});

/// What each head's mean output adds to the residual stream (docs/methods.md). Immutable; reads W_O once.
class HeadContributions {
public:
    HeadContributions(const Model& model, const std::vector<std::vector<float>>& mean_head_output,
                      const ContributionOptions& options = {});
    /// [n_embd]
    const std::vector<float>& at(int layer, int head) const;
    /// Sum over heads, float64 sums.
    std::vector<float> sum(std::span<const HeadEffect> heads) const;

private:
    std::vector<std::vector<std::vector<float>>> values_;  // [layer][head][n_embd]
};

struct FvOptions {
    int n_heads = 20;    ///< Heads summed; 0 = paper_head_count().
    int layer = -1;      ///< Edit layer; -1 = default_fv_layer().
    float scale = 1.0f;  ///< Default strength kept in the vector.
    ContributionOptions contributions = {};
};

/// The function vector: sum of the top heads' contributions, added to the residual stream after `layer` at
/// the last prompt token and every generated token (section 2.3). Keeps the head table and the means.
SteeringVector function_vector(const Model& model, const HeadSearch& search, const FvOptions& options = {});

}  // namespace tiller
