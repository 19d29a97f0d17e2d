// Turns what tiller doctor measured into checks with bounds and sentences. Runs no engine.
#pragma once

#include "methods/doctor_trials.h"

namespace tiller::doctor {

/// Turns figures into checks for one model and one set of engine options. `info` must outlive the Judge.
class Judge {
public:
    Judge(const ModelInfo& info, const EngineOptions& options);

    /// Fails when a layer with heads lacks a site, or when the engine did not carry out a plan.
    Check sites(const Engine& engine, const Findings& findings) const;
    /// Fails when a steered row has the logits of the unsteered one.
    Check effect(const Findings& findings) const;
    /// Fails when `worst`, the largest difference of logits between rows that should be equal, is above
    /// unchanged_bound(). `name` is the check's, `what` begins its sentence.
    Check unchanged(const char* name, const char* what, const Worst& worst) const;
    /// Fails when `worst`, the largest relative error of predicted contributions, is above
    /// contribution_bound().
    Check contribution(const char* name, const char* what, const Worst& worst) const;
    /// Informative: the mean difference between fork() and run(). Fails only when a difference is not finite.
    Check fork(const Findings& findings) const;
    /// Fails when one of the `n_prompt` unedited prompts is in `broken` (broken_prompts()).
    Check finite(std::size_t n_prompt, const std::vector<std::size_t>& broken) const;

    /// The largest difference of logits that passes; 0 = all bits must be equal.
    double unchanged_bound() const;
    /// The largest relative error of a contribution that passes.
    double contribution_bound() const;

private:
    const ModelInfo* info_;
    bool flash_attention_;
};

}  // namespace tiller::doctor
