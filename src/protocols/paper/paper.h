// The protocol "paper": the conditions of arXiv 2411.07213, a fixed list in which nothing is tuned
// (docs/protocol.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/protocol.h"

namespace tiller::study {

/// A known defect of the code of arXiv 2411.07213 that changes numbers.
struct PaperDefect {
    const char* name;    ///< As in plans.
    const char* effect;  ///< What it changes, one sentence.
};
const std::vector<PaperDefect>& paper_defects();
/// Is this defect of the paper's code to be repeated?
bool has_defect(const Plan& plan, std::string_view name);

/// Neighbouring layers: [begin, end), end exclusive.
struct LayerRun {
    int begin = 0, end = 0;
};
/// The layers that a code of the layer ablation (PaperPlan::layers) means, limited to those of the model.
/// Throws usage for an unknown code.
LayerRun layers_of(const std::string& code, int n_layer);

/// The numbers of pairs that in-context vectors of this task are made of, rising, none twice: those of the
/// plan and its ablation. Each is at most the number of training items, unless pairs may repeat (the defect
/// "pairs_repeat").
std::vector<int> pair_counts(const TaskContext& context);

/// One vector that the conditions use.
struct PaperVector {
    std::vector<Edit> edits;  ///< FV: at its setting's strength; ICV: at strength 1, conditions set alpha.
    Setting setting;          ///< FV: its paper's ("heads", "layer", "scale"). ICV: "pairs".
};
struct PaperVectors {
    std::optional<PaperVector> fv;
    std::map<int, PaperVector> icv;  ///< By number of pairs.
};

/// The conditions of one table of the report. `primary` is the metric that the table is about.
struct ConditionTable {
    std::string id, title, primary;
    std::vector<std::size_t> conditions;  ///< Indices into Conditions::all.
};
struct Conditions {
    std::vector<Candidate> all;          ///< Every condition once.
    std::vector<ConditionTable> tables;  ///< The first is the main table.
};

/// All conditions of the plan for this task, in the order in which the tables first name them.
Conditions paper_conditions(const TaskContext& context, const PaperVectors& vectors);

class Paper final : public Protocol {
public:
    Paper();
    Plan plan() const override { return paper_plan(); }
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    Policy policy(const Plan& plan) const override;
    Split split(const Task& task, std::uint64_t seed) const override { return paper_split(task, seed); }
    // All of them: nothing is chosen on validation items; the function vector's extraction uses them as
    // queries.
    std::vector<int> validation(const Plan&, const Split& split) const override { return split.valid; }
    std::string primary(const Plan&, bool behavioural) const override {
        return behavioural ? "style" : "first_word";
    }
    void run(TaskContext& context) const override;
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
