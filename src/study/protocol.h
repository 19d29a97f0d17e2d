// Protocols: what a study runs on each task, and how its tables read. A protocol is a folder of src/protocols
// whose file protocol_<name>.cpp defines `const Protocol& protocol_<name>()`; the build lists them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "study/plan_faults.h"
#include "study/policy.h"
#include "study/task_context.h"
#include "study/task_records.h"

namespace tiller::study {

class Fields;  // toml_fields.h

/// What there is to say of a protocol without running it.
struct ProtocolTraits {
    std::string name;
    std::string summary;   ///< One line for help and error messages.
    std::string question;  ///< What is asked, one sentence.
    /// The plan's table that belongs to the protocol ("dose"); null when there is none.
    const char* table = nullptr;
    bool has_instructions = false;  ///< Does it run prompts with an instruction (Plan::instructions)?
    bool takes_chat = false;        ///< May prompts be conversations (Plan::chat)?
    bool takes_vectors = false;     ///< May vectors that somebody brings compete (Plan::vectors)?
    bool goes_twice = false;        ///< Is a plan of several models gone through twice (second_run())?
    /// True when each method's chosen setting is left in the run folder as a vector (study/winners.h).
    bool leaves_winners = false;
    /// True when each setting of the tables names the unsteered run of the same prompts ("clean" in its
    /// record), to which differences are taken; else they are to zero-shot and to the method's random
    /// control.
    bool has_conditions = true;
};

class Protocol {
public:
    explicit Protocol(ProtocolTraits what) : traits(std::move(what)) {}
    virtual ~Protocol() = default;
    const ProtocolTraits traits;

    /// The plan of `tiller compare --protocol NAME`, and what a plan file leaves out.
    virtual Plan plan() const;
    /// The fields of ProtocolTraits::table.
    virtual void table_fields(Fields&, Plan&) const {}
    /// What is impossible about the protocol's own table, and what else of the plan does not go with it.
    virtual void check(const Plan&, PlanFaults&) const {}
    /// How its vectors are extracted and its outputs scored.
    virtual Policy policy(const Plan&) const { return {}; }
    /// Throws bad_input when a task of the plan cannot be used; called for each before the first work.
    virtual void check_task(const Plan&, const Task&) const {}
    /// Task files whose items are used beside those of Plan::tasks. What a run finds depends on them too.
    virtual std::vector<std::string> further_tasks(const Plan&) const { return {}; }
    virtual Split split(const Task& task, std::uint64_t seed) const { return split_task(task, seed); }
    /// The validation items that are used.
    virtual std::vector<int> validation(const Plan& plan, const Split& split) const;
    /// The metric that settings are chosen and judged by.
    virtual std::string primary(const Plan&, bool behavioural) const { return primary_metric(behavioural); }

    /// Carries out a task that is not finished; its closing record is in the journal afterwards.
    virtual void run(TaskContext& context) const = 0;

    /// After the last task of the last model, a plan of several models is gone through once more where the
    /// traits say so: for each task that lacks its second run, with `closings`, the closing records of this
    /// task and seed on all models in the plan's order, and `own`, the one of this model.
    virtual bool has_second_run(const Units& /*units*/, const ClosedTask& /*own*/,
                                const std::vector<ClosedTask>& /*closings*/) const {
        return true;
    }
    virtual void second_run(TaskContext&, const ClosedTask& /*own*/,
                            const std::vector<ClosedTask>& /*closings*/) const {}

    /// Adds to a task's summary what the protocol computes from the records: TaskSummary::analyses. Pure.
    virtual void analyse(const Plan&, const TaskRecords&, TaskSummary&) const {}
    /// The same over the tasks of a run: Summary::analyses. Called before the verdicts; `records` are those
    /// of Summary::tasks, in their order.
    virtual void analyse_run(const Plan&, const std::vector<TaskRecords>& /*records*/, Summary&) const {}
    /// One sentence on a task.
    virtual std::string verdict(const Plan& plan, const TaskSummary& task) const = 0;
    /// What was found on all tasks, one sentence each.
    virtual std::vector<std::string> findings(const Plan& plan, const Summary& summary) const = 0;
    /// What a reader of the report has to know about the rules.
    virtual std::vector<std::string> notes(const Plan& plan) const = 0;
};

/// All protocols: the default one, then the others in the order of their names.
const std::vector<const Protocol*>& protocols();
/// nullptr when there is none of this name.
const Protocol* find_protocol(const std::string& name);
/// The protocol of a checked plan.
const Protocol& protocol_of(const Plan& plan);

}  // namespace tiller::study
