// The protocol "crossed": one direction's source x place x positions x operation, so that the difference
// between function vectors and in-context vectors is split into its factors (docs/comparisons.md).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "study/crossed/factorial.h"
#include "study/protocol.h"

namespace tiller::study {

/// A factor of the design. Its place in crossed_factors() is its bit in sets of factors (factorial.h).
struct CrossedFactor {
    const char* name;  ///< "source"
    const char* key;   ///< In the plan's table: "sources".
    std::vector<std::string> CrossedPlan::*levels;
    const char* fv;                  ///< The level of the function vectors' school, of the plan's names.
    const char* icv;                 ///< The same of the in-context vectors'.
    std::vector<const char*> known;  ///< All levels there are.
};
inline constexpr std::size_t n_crossed_factor = 4;
const std::array<CrossedFactor, n_crossed_factor>& crossed_factors();

/// One cell: a level of each factor, by the plan's names.
struct CrossedCell {
    std::array<std::string, n_crossed_factor> levels;
    const std::string& source() const { return levels[0]; }
    const std::string& place() const { return levels[1]; }
    const std::string& positions() const { return levels[2]; }
    const std::string& operation() const { return levels[3]; }
    bool one_layer() const { return place().ends_with("-one"); }
    std::string id() const;  ///< "fv residual-one steered add"
};

/// All cells, in the order of crossed_factorial().
std::vector<CrossedCell> crossed_cells(const CrossedPlan& plan);
Factorial crossed_factorial(const CrossedPlan& plan);
/// The cell whose factors of the set `at_icv` have the in-context vectors' level and the others the function
/// vectors'; empty when the plan lacks one of the levels.
std::optional<CrossedCell> crossed_corner(const CrossedPlan& plan, std::size_t at_icv);

/// What is impossible about a plan's [crossed] table, and what else does not go with this protocol.
std::optional<Fault> crossed_fault(const Plan& plan);

/// Directions and sizes of activations, from which every cell's edits are made. A direction is kept once for
/// each source, site and layer, with the length of the activation that it meets.
class CrossedDirections {
public:
    /// Source -> layer -> direction [n_embd], of any length.
    using BySource = std::map<std::string, std::map<int, std::vector<float>>>;
    /// Site -> layer -> mean length of the activation.
    using Sizes = std::map<Site, std::map<int, double>>;

    CrossedDirections(const BySource& directions, const Sizes& sizes);

    /// The edits of a cell in `layers`. Each gets the same part of the dose: r = dose / number of layers.
    /// With the direction v at unit length and the activation x, |x| its mean length at the last token of
    /// unsteered prompts, add does x + r |x| v, replace (x + r |x| v) / (1 + r), and turn ICV's rule with
    /// alpha = 10 r, which is x + r |x| v brought back to the length of x, for the x at hand (and its
    /// lambda).
    std::vector<Edit> edits(const CrossedCell& cell, const std::vector<int>& layers, double dose) const;

private:
    std::map<std::string, std::map<Site, std::map<int, SharedFloats>>> vectors_;
};
Site crossed_site(const std::string& place);

/// Protocol::run().
void run_crossed_task(TaskContext& context);

/// Protocol::analyse() and analyse_run(): tables "cells", "factors" and "gap" of a task, "gaps" over tasks.
void analyse_crossed(const Plan& plan, const TaskRecords& records, TaskSummary& task);
void analyse_crossed_run(Summary& summary);
/// One sentence on a task, and one per family on all.
std::string crossed_verdict(const TaskSummary& task);
std::vector<std::string> crossed_findings(const Summary& summary);

}  // namespace tiller::study
