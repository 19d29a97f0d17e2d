// The head search of a task, saved in a folder: the expensive part of run_sweep() and compare_heads().
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tiller/error.h"
#include "tiller/study.h"
#include "tiller/sweep.h"
#include "tiller/vector.h"

namespace tiller::study {

/// What a head search is made from. What it refers to must outlive it.
struct FvSource {
    Engine& engine;
    const Task& task;
    std::span<const int> train;    ///< Items (indices into Task::items) that prompts are made of.
    const ExtractionPlan& counts;  ///< n_pairs is not used.
    std::uint64_t seed = 0;
    bool check = true;         ///< Must the model pass the fast part of diagnose() before a search?
    bool was_checked = false;  ///< True when it has passed in this run and need not be checked again.
    int n_gpu_layers = 0;      ///< As the model was loaded.
};

/// A digest of all that numbers of this task on this engine depend on, except their prompts and edits:
/// versions, model, task, seed, counts of the head search and how the engine computes.
std::string source_key(const FvSource& source);

/// The result of a head search.
struct FvBase {
    SteeringVector vector;       ///< Has the mean outputs and the effects of all heads.
    std::filesystem::path file;  ///< Relative to the folder.
};
/// The head search of `source`: read from `folder` when it is there, else computed (after the fast check,
/// unless it is off or has passed), saved and read back. An interrupted search goes on from its checkpoints.
/// Throws unsupported when the check fails, bad_input when a saved vector is of another model; errors of
/// Method::extract() pass through.
FvBase fv_base(const FvSource& source, const std::filesystem::path& folder, const StepProgress& progress);

/// The edit that adds strength * direction ([n_embd]) to the residual stream after `layer`, at the last
/// prompt token and at every generated one.
Edit fv_edit(SharedFloats direction, int layer, double strength);

/// Throws usage for a behavioural task, whose items have no single right answer. `command` names the
/// program's command in the error.
void require_answers(const Task& task, const std::string& command);
/// Throws usage when `values` has a number twice or one that is not finite. `what` names them in the error.
void require_different(const std::string& what, std::vector<double> values, Topic topic);
/// Throws usage when the list of strengths is empty, or as require_different().
void check_scales(const std::vector<double>& scales);
/// The first `n` of `items`; all of them when there are fewer.
std::vector<int> first_items(const std::vector<int>& items, int n);

}  // namespace tiller::study
