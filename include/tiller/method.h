// Methods turn a task and an engine into a steering vector. A method is one file
// src/methods/method_<name>.cpp that defines `const Method& method_<name>()`; the build finds it
// (docs/extending.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/task.h"
#include "tiller/vector.h"

namespace tiller {

/// Where long extractions leave what they have done, so that an interrupted run goes on. Keys are short file
/// names. All methods of a task, a seed and a model share one, so that they share work as well (the head
/// search of fv and its controls): a key must hold a digest of what its values were made from.
class Checkpoint {
public:
    virtual ~Checkpoint() = default;
    virtual std::optional<std::vector<float>> load(const std::string& key) = 0;
    virtual void store(const std::string& key, std::span<const float> values) = 0;
};

/// Reports (steps done, steps in all) of an extraction; may be empty.
using Progress = std::function<void(std::size_t, std::size_t)>;

// --- Function vectors (arXiv 2310.15213)
// -----------------------------------------------------------------------

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

// --- In-context vectors (arXiv 2311.06668, in the form of arXiv 2411.07213's code)
// -----------------------------

struct IcvOptions {
    int n_last = 4;      ///< Tokens at the end of a text whose mean is its latent state.
    float alpha = 1.0f;  ///< Default strength kept in the vector.
};

/// The in-context vector: first principal direction of the pairs' differences (unit length, all layers
/// together) plus their mean, stored as positive minus negative per layer; applied to every MLP output at
/// every token with the norm-preserving turn. One pair: the mean difference alone (said in provenance). Two
/// pairs: the sign of the component is left to rounding, so the mean difference alone as well. Throws
/// bad_input when there is no pair or a text is empty.
SteeringVector in_context_vector(Engine& engine, std::span<const Pair> pairs, const IcvOptions& options = {},
                                 const Progress& progress = {});

/// The vectors of the first n pairs for each n in `sizes` (each from 1 to the number of pairs), in that
/// order: every text is run once, however many of the sets it is part of. Errors as in_context_vector(), and
/// usage when a size is out of range.
std::vector<SteeringVector> in_context_vectors(Engine& engine, std::span<const Pair> pairs,
                                               std::span<const int> sizes, const IcvOptions& options = {},
                                               const Progress& progress = {});

/// First principal direction (unit length, sign as sklearn's svd_flip: the largest entry of U positive) of
/// the centred rows of a [n][d] matrix, plus their mean; float64 inside. `explained` gets the share of
/// variance, may be null.
std::vector<float> principal_direction_plus_mean(const std::vector<std::vector<float>>& rows,
                                                 double* explained);

// --- Controls
// --------------------------------------------------------------------------------------------------

/// A vector of the same method, site and norms with random directions (normal, seeded): the null hypothesis.
/// Of a projection: the same centre, and rows with W's singular values along random orthonormal directions.
/// The vector must be one that can be saved (for a projection, n_embd is known and the lengths fit).
SteeringVector random_like(const SteeringVector& vector, std::uint64_t seed);

// --- The interface that studies use
// ----------------------------------------------------------------------------

/// Named numbers of one setting ("heads" 20, "layer" 6, "scale" 1; "alpha" 1).
using Setting = std::map<std::string, double>;

/// One dimension of what a method can be tuned over: parts of settings to choose from ({{"layer", 3}}, or
/// {{"layer_begin", 0}, {"layer_end", 9}}). An empty one leaves the value of the paper's setting.
using Axis = std::vector<Setting>;
/// An axis of one number.
Axis axis_of(const std::string& name, std::span<const double> values);

/// One number of a method's settings, for help and for checks.
struct SettingField {
    std::string name;           ///< "layer"
    std::string meaning;        ///< One line.
    double low = 0, high = 0;   ///< Both inclusive; infinite where there is no bound.
    bool whole = false;         ///< Whole numbers only.
    double usual = 0;           ///< The paper's setting has it, or what stands for leaving it out.
    std::vector<double> tried;  ///< The values on the method's axes, by rising value.
};

/// A task in one form, for methods that compare the prompts of several tasks in several forms.
struct ConceptForm {
    std::string form;        ///< Its name, like "arrow".
    Task task;               ///< Its items as they are written in that form; its name is the concept's.
    std::vector<int> train;  ///< Items that prompts may be made of.
    Template pieces = {};
};

/// What a method may use.
struct MethodInput {
    Engine& engine;
    const Task& task;
    std::span<const int> train;              ///< Items it may look at.
    std::span<const std::string> unrelated;  ///< Truncated sentences for negatives.
    std::uint64_t seed = 0;
    /// Extraction counts: "n_mean", "n_patch", "n_shot", "n_pairs"; "n_last" (IcvOptions). Switches, off
    /// unless 1: "bias_per_head" and "no_post_norm" (ContributionOptions); "pairs_repeat", "pairs_keep_end"
    /// and "pairs_bare" (PairOptions), "pairs_unstripped" (make_pairs() with strip = false).
    Setting options;
    Checkpoint* checkpoint = nullptr;
    Progress progress = {};
    std::span<const int> queries = {};  ///< Items for the queries of few-shot prompts; empty = from `train`.
    Template form = {};                 ///< Of every prompt and pair.
    /// Tasks in forms, for methods that want them (Method::wants_concepts()): the task itself and two others
    /// or more, each in the same three forms or more. They do not depend on `form`.
    std::span<const ConceptForm> concepts = {};
    /// Pairs to read as they are in place of those that make_pairs() makes of the task (methods that count
    /// "n_pairs" only); the task then gives its name and its family.
    std::span<const Pair> pairs = {};
    /// Prompts of the head search in place of those that make_trials() makes of the task ("fv" only).
    const FvTrials* trials = nullptr;
};

class Method {
public:
    virtual ~Method() = default;
    virtual std::string name() const = 0;
    /// One line for tables and help.
    virtual std::string summary() const = 0;
    /// The expensive part. The result holds all that `builder` needs.
    virtual SteeringVector extract(const MethodInput& input) const = 0;
    /// One vector for each number of pairs, as extract() with that "n_pairs" gives; a method whose sets of
    /// pairs are parts of each other shares the work.
    virtual std::vector<SteeringVector> extract_sizes(const MethodInput& input,
                                                      std::span<const int> n_pairs) const;
    /// The setting its paper uses on this model.
    virtual Setting paper_setting(const ModelInfo& info) const = 0;
    /// The settings tried on the validation split; `behavioural` tasks generate text for each, so the grid is
    /// small.
    virtual std::vector<Setting> grid(const ModelInfo& info, bool behavioural) const = 0;
    /// What a search with a budget may vary, for either family: the paper's setting with one choice of each
    /// axis is a setting. The name "pairs" stands for the number of pairs that a vector is extracted from, at
    /// most `n_pairs`. Without an override: an axis for each name in the functional grid.
    virtual std::vector<Axis> axes(const ModelInfo& info, int n_pairs) const;
    /// Makes vectors for settings from an extracted one. The result must not outlive `model`.
    virtual std::function<SteeringVector(const Setting&)> builder(const Model& model,
                                                                  const SteeringVector& base) const = 0;
    /// The strength to apply a vector of `setting` with.
    virtual float strength(const Setting& setting) const = 0;
    /// What a number of a setting means, one line; known for the names that tiller's own methods use.
    virtual std::string meaning(const std::string& name) const;
    /// The counts of MethodInput::options that extract() reads.
    virtual std::vector<std::string> counts() const { return {"n_mean", "n_patch", "n_shot", "n_pairs"}; }
    /// True when extract() needs MethodInput::concepts.
    virtual bool wants_concepts() const { return false; }
    /// True when edits touch only the last prompt token and later ones, so that prompts can be shared (fork).
    virtual bool spares_prompt() const = 0;
};

/// All methods that were built in, by name.
const std::vector<const Method*>& methods();
/// Throws usage with the known names, and those that come near.
const Method& find_method(const std::string& name);

/// The numbers that settings of a method have on this model: those of its paper's setting and of its axes for
/// `n_pairs` pairs, by name.
std::vector<SettingField> setting_fields(const Method& method, const ModelInfo& info, int n_pairs);

/// The paper's setting with the numbers of `given` in their places: what Method::builder()'s function takes.
/// Throws usage, naming the method's numbers, when it has no such one or the value is out of range.
Setting complete_setting(const Method& method, const ModelInfo& info, int n_pairs, const Setting& given);

}  // namespace tiller
