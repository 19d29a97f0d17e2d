// The protocol "crossed" (docs/comparisons.md): steers with every combination of a direction's source, place,
// positions and operation. This splits the difference between function vectors and in-context vectors into
// the parts of these four factors.
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

/// A factor of the design. The factor at index f of crossed_factors() is bit f in sets of factors
/// (statistics/factorial.h).
struct CrossedFactor {
    const char* name;  ///< "source"
    const char* key;   ///< In the plan's table: "sources".
    std::vector<std::string> CrossedPlan::*levels;
    const char* fv;                  ///< The level that function vectors use, named as in plans.
    const char* icv;                 ///< The level that in-context vectors use.
    std::vector<const char*> known;  ///< All levels that a plan may name.
};
inline constexpr std::size_t n_crossed_factor = 4;
const std::array<CrossedFactor, n_crossed_factor>& crossed_factors();

/// One cell of the design: a level of each factor, named as in the plan, in the order of crossed_factors().
struct CrossedCell {
    std::array<std::string, n_crossed_factor> levels;
    const std::string& source() const { return levels[0]; }
    const std::string& place() const { return levels[1]; }
    const std::string& positions() const { return levels[2]; }
    const std::string& operation() const { return levels[3]; }
    bool one_layer() const { return place().ends_with("-one"); }
    std::string id() const;  ///< "fv residual-one steered add"
};

/// All cells, in the order of crossed_factorial(): the last factor's level changes fastest.
std::vector<CrossedCell> crossed_cells(const CrossedPlan& plan);
Factorial crossed_factorial(const CrossedPlan& plan);
/// The cell in which the factors of the set `at_icv` (bit f: factor f) have the in-context vectors' level and
/// the other factors the function vectors'. Empty when the plan lacks one of these levels.
std::optional<CrossedCell> crossed_corner(const CrossedPlan& plan, std::size_t at_icv);

/// Id of the row of the table "gap" that is the whole difference; the ids of its other rows are the factors'
/// names.
inline constexpr const char* whole_gap = "all";

/// "FV" for the cell with the function vectors' level of every factor, "ICV" for that with the in-context
/// vectors'; else empty.
std::string school_of(const CrossedPlan& plan, const std::string& cell_id);

/// Makes the edits of every cell. Keeps one vector for each source, site and layer: the source's direction,
/// scaled to the mean length of the activation there.
class CrossedDirections {
public:
    /// Source -> layer -> direction [n_embd], of any length.
    using BySource = std::map<std::string, std::map<int, std::vector<float>>>;
    /// Site -> layer -> mean length of the activation.
    using Sizes = std::map<Site, std::map<int, double>>;

    /// Throws std::out_of_range when a source lacks a direction for a layer in `sizes`.
    CrossedDirections(const BySource& directions, const Sizes& sizes);

    /// The edits of a cell in `layers`, one per layer; r = dose / number of layers. With the activation x,
    /// its mean length n (Sizes) and the direction v at unit length:
    ///   "add"      x + r n v
    ///   "replace"  (x + r n v) / (1 + r)
    ///   "turn"     Operation::turn at strength 10 r: x + r |x| lambda v, brought back to the length |x|.
    /// Throws std::out_of_range for a source, or a site and layer, that the constructor was not given.
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
    /// A table "gaps" for each task family in which two tasks or more have a table "gap".
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                     Summary& summary) const override;
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
