// The head search of a task, kept in a folder: the expensive part of sweeps and of comparisons of heads.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tiller/error.h"
#include "tiller/study.h"
#include "tiller/sweep.h"
#include "tiller/vector.h"

namespace tiller::study {

struct FvSource {
    Engine& engine;
    const Task& task;
    std::span<const int> train;
    const ExtractionPlan& counts;
    std::uint64_t seed = 0;
    bool check = true;         ///< The model has to pass the fast check before a search.
    bool was_checked = false;  ///< It has passed in this very run.
    int n_gpu_layers = 0;
};

/// A digest of all that numbers of this task on this engine depend on, beside prompts and edits.
std::string source_key(const FvSource& source);

/// A base vector (means and effects of all heads) and its file, relative to the folder.
struct FvBase {
    SteeringVector vector;
    std::filesystem::path file;
};
/// From the folder when it is there, else searched (after the fast check of the hooks), saved and read back.
/// An interrupted search goes on from its checkpoints.
FvBase fv_base(const FvSource& source, const std::filesystem::path& folder, const StepProgress& progress);

/// The edit that adds `direction` after `layer` at the last prompt token and every generated one.
Edit fv_edit(SharedFloats direction, int layer, double strength);

/// Throws usage for a behavioural task, whose items have no one right answer.
void require_answers(const Task& task, const std::string& command);
/// Throws usage when `values` holds a number twice or one that is not finite; `what` names them in the error.
void require_different(const std::string& what, std::vector<double> values, Topic topic);
/// Throws usage when there is no strength, one is there twice or is not finite.
void check_scales(const std::vector<double>& scales);
/// The first `n` at most.
std::vector<int> first_items(const std::vector<int>& items, int n);

}  // namespace tiller::study
