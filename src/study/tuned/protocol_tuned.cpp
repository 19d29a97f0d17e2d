// The default protocol: settings are chosen on the validation split and judged on the test split beside
// random controls.
#include <optional>
#include <utility>

#include "study/protocol.h"
#include "study/tune.h"
#include "study/tuned/evidence.h"
#include "study/tuned/seeds_analysis.h"
#include "study/tuned/verdict.h"

namespace tiller::study {
namespace {

void keep(std::optional<AnalysisSummary> analysis, std::vector<AnalysisSummary>& list) {
    if (analysis) list.push_back(std::move(*analysis));
}

class Tuned final : public Protocol {
public:
    std::string name() const override { return "tuned"; }
    std::string summary() const override {
        return "settings chosen on validation items, judged on test items beside random controls";
    }
    std::string question() const override {
        return "Which steering method works for which task on this model, at which setting, at what cost in "
               "fluency, and how sure is that?";
    }
    void run(TaskContext& c) const override { run_task(c); }
    bool has_conditions() const override { return false; }
    bool leaves_winners() const override { return true; }
    void analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const override {
        for (auto& analysis : selection_analysis(plan, records, task))
            task.analyses.push_back(std::move(analysis));
        for (auto& table : scorer_tables(plan, records, task)) task.analyses.push_back(std::move(table));
        keep(predictor_table(records, task), task.analyses);
        keep(head_table(records, task), task.analyses);
        keep(cost_table(plan, records, task), task.analyses);
    }
    void analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                     Summary& summary) const override {
        keep(answers_table(plan, records, summary), summary.analyses);
        for (auto& analysis : seeds_analysis(plan, records, summary))
            summary.analyses.push_back(std::move(analysis));
        keep(scorer_flips(summary), summary.analyses);
        keep(predictor_correlation(plan, summary), summary.analyses);
        keep(cost_over_tasks(summary), summary.analyses);
    }
    std::string verdict(const Plan& plan, const TaskSummary& task) const override {
        return study::verdict(task, plan.collapse_limit);
    }
    std::vector<std::string> findings(const Plan& plan, const Summary& summary) const override {
        return study::findings(summary, plan.collapse_limit);
    }
    std::vector<std::string> notes(const Plan& plan) const override {
        auto notes = choice_rules(plan);
        notes.push_back(
            "A method is called better when McNemar's exact test (shares) or a permutation test (style) says "
            "so at 5 %, adjusted by Holm's method for all pairs of methods of this run.");
        notes.push_back(
            "Splits: 70 % train (vectors, demonstrations, style scorer), 9 % validation (choice of "
            "settings), 21 % test (everything shown).");
        return notes;
    }
};

}  // namespace

const Protocol& protocol_tuned() {
    static const Tuned protocol;
    return protocol;
}

}  // namespace tiller::study
