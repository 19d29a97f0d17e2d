// The protocol of arXiv 2411.07213 as a fixed list of conditions (docs/protocol.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/protocol.h"

namespace tiller::study {

/// A known defect of the code of arXiv 2411.07213 that changes numbers.
struct PaperDefect {
    const char* name;    ///< As plans have it.
    const char* effect;  ///< What it changes, one sentence.
};
const std::vector<PaperDefect>& paper_defects();
/// Is this defect of the paper's code to be repeated?
bool has_defect(const Plan& plan, std::string_view name);

/// A run of layers by the ablation's code: [begin, end), cut to the model's layers. Throws usage for an
/// unknown code.
struct LayerRun {
    int begin = 0, end = 0;
};
LayerRun layers_of(const std::string& code, int n_layer);

/// The numbers of pairs that this task can give, by rising number: those of the plan, cut to the training
/// items unless pairs may repeat.
std::vector<int> pair_counts(const TaskContext& context);

/// One vector of the paper: its edits at strength 1.
struct PaperVector {
    std::vector<Edit> edits;
    Setting setting;  ///< The method's own ("heads", "layer", "scale"), or "pairs".
};
struct PaperVectors {
    std::optional<PaperVector> fv;
    std::map<int, PaperVector> icv;  ///< By number of pairs.
};

/// A list of conditions that stand in one table of the report.
struct ConditionTable {
    std::string id, title, primary;
    std::vector<std::size_t> conditions;  ///< Places in Conditions::all.
};
struct Conditions {
    std::vector<Candidate> all;          ///< Every condition once.
    std::vector<ConditionTable> tables;  ///< The first is the main table.
};

/// All conditions of the plan for this task, in the order of tables.
Conditions paper_conditions(const TaskContext& context, const PaperVectors& vectors);

class Paper final : public Protocol {
public:
    Paper();
    Plan plan() const override { return paper_plan(); }
    void table_fields(Fields& fields, Plan& plan) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    Policy policy(const Plan& plan) const override;
    Split split(const Task& task, std::uint64_t seed) const override { return paper_split(task, seed); }
    // Nothing is chosen: validation items are the queries of extraction.
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
