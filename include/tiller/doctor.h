// A self-check of the engine's hooks on the user's own model, so that a vector is never silently wrong:
// every site is reached, edits that change nothing change nothing, rows do not leak into each other, and
// what the methods call a head's contribution is what the head writes into the residual stream.
#pragma once

#include <string>
#include <vector>

#include "tiller/engine.h"
#include "tiller/method.h"

namespace tiller {

enum class Outcome {
    passed,
    failed,
    not_applicable,  ///< The model has nothing to check here.
    informative,     ///< A figure without a bound: good to know, nothing to pass.
};

/// One check with what was measured.
struct Check {
    std::string name;  ///< "sites", "effect", "zero_edit", "self_replacement", "neighbours", "contribution",
                       ///< "head_contribution", "fork" or "finite"; docs/doctor.md says what each does.
    Outcome outcome = Outcome::not_applicable;
    double figure = 0;  ///< What was measured, in the unit that `text` names; passed means figure <= bound.
    double bound = 0;   ///< The largest figure that passes; 0 where `outcome` is not passed or failed.
    std::string text;   ///< One sentence: what the figure is, and where the worst was found.
};

struct DoctorOptions {
    /// Check only the first, the middle and the last layer with heads (and the first without), two heads of
    /// each, and leave out fork(): about a second on a small model. Off: all layers and all heads.
    bool fast = false;
    /// How head contributions are computed; the contribution checks test this. Give the options that the
    /// vectors in question were made with.
    ContributionOptions contributions = {};
};

/// What diagnose() found.
struct Diagnosis {
    bool fast = false;
    std::vector<int> layers;  ///< Layers checked, ascending.
    /// All layers of the model without heads; having some is no failure.
    std::vector<int> layers_without_heads;
    std::vector<Check> checks;  ///< In the order of the names at Check::name.

    bool passed() const;
    /// The failed checks, one a line, as "name: text (measured FIGURE, at most BOUND passes)"; empty when
    /// none failed.
    std::string failures() const;
};

/// Runs the checks on `engine`'s model with prompts of a few tokens. Changes nothing in the engine but its
/// caches and counters; calls its progress callback. `progress` gets (steps done, steps in all). A plan that
/// the graph did not carry out is a failed check, not an error. Throws environment, interrupted and what else
/// Engine::run() throws.
Diagnosis diagnose(Engine& engine, const DoctorOptions& options = {}, const Progress& progress = {});

/// Throws unsupported with the failed checks of `model` and the next step; does nothing when none failed.
void require_passed(const Diagnosis& diagnosis, const ModelInfo& model);

/// "passed", "failed", "not_applicable" or "informative".
const char* outcome_name(Outcome outcome) noexcept;

}  // namespace tiller
