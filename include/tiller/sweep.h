// Sweeps of a function vector over edit layers, numbers of heads and strengths (arXiv 2310.15213, section 3
// and its figures over layers and heads), in the paper's contexts, each compared with the unsteered model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/study.h"
#include "tiller/summary.h"
#include "tiller/task.h"

namespace tiller {

/// What a prompt has before its query (arXiv 2310.15213, sections 3.1 and 3.2).
enum class SweepContext {
    zero_shot,  ///< Nothing: "Q: {query}\nA:".
    shuffled,   ///< n_shot demonstrations whose labels are permuted: they show the form, not the task.
    natural,    ///< A sentence that contains the query and says nothing about the task.
};
/// "zero_shot", "shuffled" or "natural".
const char* sweep_context_name(SweepContext context) noexcept;
/// "zero-shot", "shuffled labels", "natural text": for people.
const char* sweep_context_title(SweepContext context) noexcept;

/// What to sweep: every number of heads at every layer in every strength.
struct SweepPlan {
    std::vector<int>
        heads;  ///< Numbers of top heads, [1, heads of the model]; empty = default_head_counts().
    std::vector<int> layers;                 ///< Edit layers, [0, n_layer); empty = all.
    std::vector<double> scales = {1, 2, 4};  ///< Strengths; finite.
    int n_test = 40;                         ///< Test items at most, at least 2 (the split may hold fewer).
    int n_shot = 10;  ///< Demonstrations: of the shuffled context and of the prompt that filters items.
    ExtractionPlan extraction = {};  ///< Prompts of the head search; n_pairs is not used.
    int n_bootstrap = 2000;          ///< Resamples of the items for intervals, at least 100.
    std::uint64_t seed = 0;
    bool check = true;     ///< Put the model through the fast part of diagnose() before a head search.
    int n_gpu_layers = 0;  ///< As the model was loaded: numbers of another device are not reused.
};

/// The default of SweepPlan::heads: 1, 2, 5, 10, 20, 40 and paper_head_count(), ascending, as far as the
/// model has that many heads.
std::vector<int> default_head_counts(const ModelInfo& info);

/// One setting on every item: what all scores are computed from.
struct ItemScores {
    std::vector<std::uint8_t> hit;  ///< 1 = a right answer's first token is the most likely next token.
    std::vector<double> logprob;    ///< Of the likeliest right first token, nats, rounded to 1e-6; NaN where
                                    ///< the edits drove the logits to NaN or infinity (then no hit).
};

/// Scores over some items, with 95 % intervals (bootstrap_mean()).
struct SweepScore {
    int n = 0;             ///< Items.
    int n_broken = 0;      ///< Of these, items without a log-probability.
    Interval first_token;  ///< Share of hits.
    Interval logprob;      ///< Mean over the items that have one; zeros when none has.
};

/// A setting and what came of it. `heads` 0: the unsteered model.
struct SweepCell {
    int heads = 0, layer = 0;
    double scale = 0;
    ItemScores items;
    SweepScore all;       ///< Over all items.
    SweepScore filtered;  ///< Over the items that the unsteered model gets right with n_shot demonstrations.
};

/// One context: the unsteered model and every setting.
struct SweepColumn {
    SweepContext context = SweepContext::zero_shot;
    SweepCell unsteered;
    std::vector<SweepCell> cells;  ///< By heads, then layer, then scale, in the plan's order.
    std::size_t best = 0;          ///< Of cells: best_cell(). Chosen on these very items, which flatters it.
};

struct SweepItem {
    int item = 0;  ///< Item::id.
    std::string input;
    std::vector<std::string> outputs;  ///< The right answers.
    bool kept = false;                 ///< Right with n_shot demonstrations: part of the filtered set.
};

/// Everything a sweep found. The same inputs give the same values, interrupted or not.
struct Sweep {
    std::string model, model_digest, architecture, quantisation;
    int n_layer = 0, n_head_total = 0;
    std::string task, task_digest, family;
    std::string vector_file;  ///< Of the head search, relative to the folder.
    std::string prompts_digest, program_version;
    SweepPlan plan;  ///< With the defaults filled in.
    std::vector<SweepItem> items;
    SweepCell few_shot;  ///< The unsteered model with n_shot right demonstrations.
    std::vector<SweepColumn> columns;
};

/// (what is done, steps done, steps in all).
using StepProgress = std::function<void(const std::string&, std::size_t, std::size_t)>;

/// Carries out a sweep. `folder` (made when missing) gets the head search's vector and the finished items, so
/// that the same call goes on after an interruption, and other sweeps of the task reuse the head search. Each
/// item's prompt is computed once for all settings (Engine::fork). Throws usage (numbers out of range or
/// twice, a behavioural task), bad_input (too few items), unsupported (the model fails its check),
/// environment (folder, or another process works in it), interrupted, and what Engine::fork() throws. Not
/// thread-safe with other uses of `engine`.
Sweep run_sweep(Engine& engine, const Task& task, const SweepPlan& plan, const std::filesystem::path& folder,
                const StepProgress& progress = {});

/// Index of the setting with the highest first-token accuracy over all items; ties: the higher mean
/// log-probability, then the earlier one. Throws usage when there is none.
std::size_t best_cell(const std::vector<SweepCell>& cells);
/// The cell of these three numbers, or nullptr.
const SweepCell* find_cell(const SweepColumn& column, int heads, int layer, double scale);

/// Scores of one setting over all items (`kept` empty) or those whose flag is set.
SweepScore sweep_score(const ItemScores& items, const std::vector<bool>& kept, int n_bootstrap,
                       std::uint64_t seed);

// --- Files and tables: pure functions to bytes

/// Everything, items included (docs/formats.md). Sorted keys, no NaN.
std::string sweep_json(const Sweep& sweep);
/// One row for each context, setting and set of items.
std::string sweep_csv(const Sweep& sweep);
/// One page that opens without a network: heat maps over layers and heads, lines by layer and by heads.
std::string sweep_html(const Sweep& sweep);
/// For a terminal: the best setting of each context, and accuracy by layer at its heads and scale. ASCII but
/// for names.
std::string sweep_table(const Sweep& sweep);

}  // namespace tiller
