// Heads across tasks: which heads many tasks share, and how far one task's function vector carries over to
// another (arXiv 2310.15213 looks at both: the strongest heads recur over tasks, section 2.3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tiller/sweep.h"
#include "tiller/vector.h"

namespace tiller {

/// Jaccard index of two sets of heads: how many are in both, over how many are in one or both; [0, 1].
/// Effects are ignored. Two empty sets: 1.
double jaccard(std::span<const HeadEffect> a, std::span<const HeadEffect> b);

/// A head and how many tasks it matters to.
struct CommonHead {
    int layer = 0, head = 0;
    int n_task = 0;       ///< Tasks that have it among their top k.
    double mean_aie = 0;  ///< Over all tasks.
};
/// Every head that is in at least one task's top k, by falling number of tasks, then falling mean AIE, then
/// layer, then head. `aie` is [task][n_layer][n_head], of one model. Throws usage (no task, k < 1, shapes
/// that differ).
std::vector<CommonHead> common_heads(std::span<const std::vector<std::vector<float>>> aie, int k);

struct HeadsPlan {
    int top_k = 0;            ///< Heads of a set and of a vector; 0 = paper_head_count().
    std::vector<int> layers;  ///< Grid of edit layers; empty = L/4, L/3, 4L/9, L/2, 5L/9, 2L/3.
    std::vector<double> scales = {1, 2, 4};  ///< Grid of strengths.
    int n_valid = 20, n_test = 40;           ///< Items at most.
    ExtractionPlan extraction = {};
    int n_bootstrap = 2000;
    std::uint64_t seed = 0;
    bool check = true;
    int n_gpu_layers = 0;
};

/// A vector of a task: which heads, at which setting, and the validation points it was chosen from.
struct ChosenVector {
    int layer = 0;
    double scale = 0;
    std::vector<SweepCell> grid;  ///< Zero-shot, the task's own validation items; layers, then scales.
};

struct TaskHeads {
    std::string task, task_digest, vector_file, prompts_digest;
    std::vector<HeadEffect> top;   ///< The task's own top k.
    ChosenVector own;              ///< Own means, own top heads.
    ChosenVector universal;        ///< Own means, universal heads.
    std::vector<int> items;        ///< Item::id of the test items.
    SweepCell unsteered;           ///< Test items, zero-shot.
    SweepCell universal_test;      ///< Test items with the vector of the universal heads.
    Interval own_minus_universal;  ///< Paired difference of first-token accuracy.
};

/// What the comparison of heads found. The same inputs give the same values, interrupted or not.
struct HeadsAcrossTasks {
    std::string model, model_digest, architecture, quantisation, program_version;
    int n_layer = 0, n_head_total = 0;
    HeadsPlan plan;  ///< With the defaults filled in.
    std::vector<TaskHeads> tasks;
    std::vector<std::vector<double>> overlap;  ///< [task][task]: jaccard() of the top k.
    std::vector<CommonHead> common;            ///< common_heads(); the first k are the universal heads.
    /// [a][b]: the own vector of task a, at a's setting, on the zero-shot test items of b.
    std::vector<std::vector<SweepCell>> transfer;
};

/// Searches the heads of every task and compares them. Settings: each task's own vector gets the layer and
/// the strength of the grid with the best first-token accuracy on the validation items of its own task
/// (best_cell()); the same setting is used on the test items of all tasks. The vector of universal heads is
/// chosen in the same way, for itself. `folder` works as in run_sweep(), and so do the errors; fewer than two
/// tasks and equal names are usage.
HeadsAcrossTasks compare_heads(Engine& engine, std::span<const Task> tasks, const HeadsPlan& plan,
                               const std::filesystem::path& folder, const StepProgress& progress = {});

/// Everything (docs/formats.md). Sorted keys, no NaN.
std::string heads_json(const HeadsAcrossTasks& heads);
/// One page that opens without a network, with heat maps of overlap and transfer.
std::string heads_html(const HeadsAcrossTasks& heads);
/// For a terminal.
std::string heads_table(const HeadsAcrossTasks& heads);

}  // namespace tiller
