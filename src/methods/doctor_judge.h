// What tiller doctor makes of what it measured: bounds and sentences. No engine runs here.
#pragma once

#include "methods/doctor_trials.h"

namespace tiller::doctor {

/// Turns figures into checks for one model and one way to run it.
class Judge {
public:
    Judge(const ModelInfo& info, const EngineOptions& options);

    Check sites(const Engine& engine, const Findings& findings) const;
    Check effect(const Findings& findings) const;
    /// Largest difference of logits where none should be.
    Check unchanged(const char* name, const char* what, const Worst& worst) const;
    /// Error relative to the norm of what was measured.
    Check contribution(const char* name, const char* what, const Worst& worst) const;
    Check fork(const Findings& findings) const;
    Check finite(std::size_t n_prompt, const std::vector<std::size_t>& broken) const;

    /// The largest difference of logits that passes; 0 means bit for bit.
    double unchanged_bound() const;
    /// The largest relative error of a contribution that passes.
    double contribution_bound() const;

private:
    const ModelInfo* info_;
    bool flash_attention_;
};

}  // namespace tiller::doctor
