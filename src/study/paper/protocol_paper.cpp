// The protocol of arXiv 2411.07213: fixed conditions, nothing tuned (docs/protocol.md).
#include "study/paper/paper.h"

namespace tiller::study {
namespace {

class Paper final : public Protocol {
public:
    std::string name() const override { return "paper"; }
    std::string summary() const override {
        return "the conditions of arXiv 2411.07213, nothing tuned (docs/protocol.md)";
    }
    std::string question() const override {
        return "What do function vectors and in-context vectors do under the conditions of the paper that "
               "compared them (arXiv 2411.07213)?";
    }
    Plan plan() const override { return paper_plan(); }
    std::optional<Fault> fault(const Plan& plan) const override { return paper_fault(plan); }
    Split split(const Task& task, std::uint64_t seed) const override { return paper_split(task, seed); }
    // Nothing is chosen: validation items are the queries of extraction.
    std::vector<int> validation(const Plan&, const Split& split) const override { return split.valid; }
    std::string primary(bool behavioural) const override {
        return behavioural ? primary_metric(true) : "first_word";
    }
    void run(TaskContext& c) const override { run_paper_task(c); }
    std::string verdict(const Plan& plan, const TaskSummary& task) const override {
        return paper_verdict(plan, task);
    }
    std::vector<std::string> findings(const Plan&, const Summary& summary) const override {
        return paper_findings(summary);
    }
    std::vector<std::string> notes(const Plan& plan) const override { return paper_notes(plan); }
};

}  // namespace

const Protocol& protocol_paper() {
    static const Paper protocol;
    return protocol;
}

}  // namespace tiller::study
