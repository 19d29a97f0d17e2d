// The crossed design: each source's direction at each place, positions and operation, every cell at its own
// best dose.
#include <fmt/format.h>

#include "study/crossed/crossed.h"

namespace tiller::study {
namespace {

class Crossed final : public Protocol {
public:
    std::string name() const override { return "crossed"; }
    std::string summary() const override {
        return "source x place x positions x operation: why FV and ICV differ (docs/comparisons.md)";
    }
    std::string question() const override {
        return "Why do function vectors and in-context vectors differ: by the direction, the place, the "
               "positions or the operation?";
    }
    Plan plan() const override {
        Plan plan = Protocol::plan();
        plan.title = "Function vectors and in-context vectors, crossed";
        plan.tasks = {"present-past", "capitalize", "country-capital", "antonym", "sentiment_transfer"};
        plan.controls = false;
        return plan;
    }
    std::optional<Fault> fault(const Plan& plan) const override { return crossed_fault(plan); }
    void run(TaskContext& c) const override { run_crossed_task(c); }
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override {
        analyse_crossed(plan, records, task);
    }
    void analyse_run(const Plan&, const std::vector<TaskRecords>&, Summary& summary) const override {
        analyse_crossed_run(summary);
    }
    std::string verdict(const Plan&, const TaskSummary& task) const override { return crossed_verdict(task); }
    std::vector<std::string> findings(const Plan&, const Summary& summary) const override {
        return crossed_findings(summary);
    }
    std::vector<std::string> notes(const Plan& plan) const override {
        std::vector<std::string> notes = {
            "Every cell is judged at its own best dose. A dose is the length of what is added over the "
            "length of the activation (its mean at the last token of unsteered validation prompts), summed "
            "over the edited layers, each of which gets an equal part; so doses mean the same for every "
            "source and operation. The doses tried are the same for all cells and chosen on the validation "
            "items, by the next token for functional tasks, by generated texts for behavioural ones.",
            "The source fv is one direction, the sum of the top heads' contributions, in every layer; icv, "
            "mean-diff and random have a direction for each layer. Only directions cross over: their lengths "
            "are replaced by the dose.",
            "A place of one layer has the layer that the source's validation items chose, added at the last "
            "prompt token and the generated ones, for all its cells.",
            "Splits: 70 % train (vectors, demonstrations, style scorer), 9 % validation (choice of layers "
            "and doses), 21 % test (everything shown).",
        };
        for (auto& rule : choice_rules(plan)) notes.push_back(std::move(rule));
        return notes;
    }
};

}  // namespace

const Protocol& protocol_crossed() {
    static const Crossed protocol;
    return protocol;
}

}  // namespace tiller::study
