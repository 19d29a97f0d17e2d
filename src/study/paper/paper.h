// The protocol of arXiv 2411.07213 as a fixed list of conditions (docs/protocol.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/protocol.h"

namespace tiller::study {

/// What is impossible about a plan's [paper] table, and what else does not go with this protocol.
std::optional<Fault> paper_fault(const Plan& plan);

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

/// One sentence on a task under this protocol, and one per family on all.
std::string paper_verdict(const Plan& plan, const TaskSummary& task);
std::vector<std::string> paper_findings(const Summary& summary);
/// What a reader of the report has to know about the rules.
std::vector<std::string> paper_notes(const Plan& plan);

}  // namespace tiller::study
