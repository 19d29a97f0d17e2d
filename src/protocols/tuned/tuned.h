// The default protocol, "tuned": settings are chosen on some items and judged on others, against zero-shot
// and controls. With folds (TuningPlan::n_fold) every item is tested once; else there is one split.
#pragma once

#include "study/protocol.h"

namespace tiller::study {

class Tuned final : public Protocol {
public:
    Tuned();
    Plan plan() const override;
    Policy policy(const Plan&) const override;
    void check(const Plan& plan, PlanFaults& faults) const override;
    void check_task(const Plan& plan, const Task& task) const override;
    std::string primary(const Plan& plan, bool behavioural) const override;
    void table_fields(Fields& fields, Plan& plan) const override;
    void run(TaskContext& context) const override;
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override;
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                     Summary& summary) const override;
    /// Which methods work on this task, and which of them is better, by how much and how sure. For a method
    /// that is not shown to work: what it is not above, and how large a difference these items would have
    /// shown.
    std::string verdict(const Plan& plan, const TaskSummary& task) const override;
    /// One sentence per task family: mean scores of the chosen settings and of the baselines.
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override;
    std::vector<std::string> notes(const Plan& plan) const override;
};

}  // namespace tiller::study
