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

/// Trials of a task: n_mean few-shot prompts with right labels and n_patch with shuffled ones, from items of
/// `pool` (indices into Task::items). The two lists are drawn independently of each other, so that the
/// effects are not tied to the demonstrations of the means. With `queries`, the queries are items of that
/// list (see make_prompts()). All prompts have the given form.
FvTrials make_trials(const Task& task, std::span<const int> pool, int n_mean, int n_patch, int n_shot,
                     std::uint64_t seed, std::span<const int> queries = {}, const Template& form = {});
/// SHA-256 over all prompts and targets, in order: Provenance::prompts_digest.
std::string prompts_digest(const FvTrials& trials);

/// What the causal mediation over heads found.
struct HeadSearch {
    /// [n_layer][n_head * d_head], at the last prompt token.
    std::vector<std::vector<float>> mean_head_output;
    /// [n_layer][n_head]: mean over trials of p(target | patched) - p(target | clean).
    std::vector<std::vector<float>> aie;
    double clean_probability = 0;  ///< Mean p(target) of the unpatched trials.
    double noise = 0;  ///< Standard error of the AIE, median over heads: effects of this size are noise.
};

/// Mean head outputs over few-shot prompts at their last token (section 2.3, eq. 3): [n_layer][n_head *
/// d_head], empty in layers without heads. Finished parts are kept in `checkpoint`, which may be null. Throws
/// bad_input when there is no prompt or a value is not finite; errors of the engine pass through.
std::vector<std::vector<float>> mean_head_outputs(Engine& engine, std::span<const std::string> prompts,
                                                  Checkpoint* checkpoint = nullptr,
                                                  const Progress& progress = {});

/// Mean head outputs (section 2.3, eq. 3) and average indirect effects (eq. 5, 6). The heads of a trial are
/// patched one at a time, as branches of Engine::fork(). Finished parts are kept in `checkpoint`, which may
/// be null. Throws bad_input when a list is empty, a value is not finite or a target gives no token; errors
/// of the engine pass through.
HeadSearch search_heads(Engine& engine, const FvTrials& trials, Checkpoint* checkpoint = nullptr,
                        const Progress& progress = {});

/// Heads by falling AIE, ties by lower layer, then lower head; all of them.
std::vector<HeadEffect> rank_heads(const std::vector<std::vector<float>>& aie);

/// The paper's edit layer: min(ceil(n_layer / 3), n_layer - 1).
int default_fv_layer(int n_layer);
/// Number of heads in arXiv 2411.07213: 20 of Llama-2-7b's 1024, hence ceil(heads of the model / 51.2).
int paper_head_count(const ModelInfo& info);

struct ContributionOptions {
    /// Apply the post-norm where the architecture has one; off only to show what it does.
    bool post_norm = true;
    /// The reference code adds W_O's bias once per head (a defect); off by default.
    bool bias_per_head = false;
};

/// What one layer's attention block adds to the residual stream, by parts that add up to it
/// (docs/methods.md).
struct LayerContributions {
    std::vector<std::vector<float>> heads;  ///< [n_head][n_embd]
    std::vector<float> bias;                ///< [n_embd]: the share of W_O's bias; empty where there is none.
};
/// Contributions for `z` [n_head * d_head], head-major: the head outputs of one token, or their mean over
/// tokens. `projection` is the layer's, `info` its model's. Computed in float64. Throws bad_input when z has
/// another width.
LayerContributions layer_contributions(const AttentionProjection& projection, const ModelInfo& info,
                                       int layer, std::span<const float> z,
                                       const ContributionOptions& options = {});

/// What each head's mean output adds to the residual stream (docs/methods.md). Immutable; reads W_O once.
class HeadContributions {
public:
    /// `mean_head_output`: [n_layer][n_head * d_head]. Throws bad_input when it has another shape, and what
    /// Model::attention_projection() throws.
    HeadContributions(const Model& model, const std::vector<std::vector<float>>& mean_head_output,
                      const ContributionOptions& options = {});
    /// Contribution of one head, [n_embd]. Throws std::out_of_range when there is no such head.
    const std::vector<float>& at(int layer, int head) const;
    /// Sum of the heads' contributions, [n_embd], added up in float64; empty without heads.
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
/// the last prompt token and every generated token (section 2.3). Keeps the head table and the means. Throws
/// usage (no such layer, n_heads out of range), bad_input (`search` does not have the model's shape).
SteeringVector function_vector(const Model& model, const HeadSearch& search, const FvOptions& options = {});

}  // namespace tiller
