// The protocol "crossed": one direction's source x place x positions x operation, so that the difference
// between function vectors and in-context vectors is split into its factors (docs/comparisons.md).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocols/crossed/crossed_records.h"
#include "statistics/factorial.h"
#include "study/protocol.h"

namespace tiller::study {

/// A factor of the design. Its place in crossed_factors() is its bit in sets of factors
/// (statistics/factorial.h).
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

/// Id of the row of the table "gap" that has the whole of it; the others' are the factors' names.
inline constexpr const char* whole_gap = "all";

/// "FV" or "ICV" when the cell is that school's own; else empty.
std::string school_of(const CrossedPlan& plan, const std::string& cell_id);

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

class Crossed final : public Protocol {
public:
    Crossed();
    Plan plan() const override;
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    void run(TaskContext& context) const override;
    /// Tables "factors", "gap" and "cells".
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override;
    /// Tables "gaps" over tasks.
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                     Summary& summary) const override;
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
