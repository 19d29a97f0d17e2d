// Protocols: what a study runs on each task, and which tables and sentences it makes of the records. A
// protocol is a folder of src/protocols. Its file protocol_<name>.cpp, which the build finds, defines
// `const Protocol& protocol_<name>()`.
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

/// Constant properties of a protocol.
struct ProtocolTraits {
    std::string name;
    std::string summary;   ///< One line for help and error messages.
    std::string question;  ///< What is asked, one sentence.
    /// The plan's table that belongs to the protocol ("dose"); null when there is none.
    const char* table = nullptr;
    bool has_instructions = false;  ///< Does it run prompts with an instruction (Plan::instructions)?
    bool takes_chat = false;        ///< May prompts be conversations (Plan::chat)?
    bool takes_vectors = false;     ///< May vectors from files compete (Plan::vectors)?
    bool goes_twice = false;        ///< Does it override second_run()?
    /// True when each method's vector at its chosen setting is written to the run folder (winners.h).
    bool leaves_winners = false;
    /// True when tables give each setting's difference to the unsteered run of the same prompts, which its
    /// record names (SettingRecord::clean). Else they give those to zero-shot and to the method's controls.
    bool has_conditions = true;
};

/// Immutable; one object per protocol, which lives until the program ends.
class Protocol {
public:
    explicit Protocol(ProtocolTraits what) : traits(std::move(what)) {}
    virtual ~Protocol() = default;
    const ProtocolTraits traits;

    /// The plan of `tiller compare --protocol NAME`; also gives the values that a plan file leaves out.
    virtual Plan plan() const;
    /// Reads or writes the fields of the plan's table ProtocolTraits::table.
    virtual void table_fields(Fields&, Plan&) const {}
    /// Refuses impossible values of the protocol's own table, and other values that it cannot work with.
    virtual void check(const Plan&, PlanFaults&) const {}
    /// How its vectors are extracted, and its outputs generated and scored.
    virtual Policy policy(const Plan&) const { return {}; }
    /// Throws bad_input when a task of the plan cannot be used; called for each before the first work.
    virtual void check_task(const Plan&, const Task&) const {}
    /// Names of tasks whose items are used besides those of Plan::tasks. The digests in the units' names
    /// depend on these tasks too.
    virtual std::vector<std::string> further_tasks(const Plan&) const { return {}; }
    /// The split of a task; not asked for where the plan has shares of its own (TuningPlan::split).
    virtual Split split(const Task& task, std::uint64_t seed) const { return split_task(task, seed); }
    /// The validation items that are used, as indices into Task::items: the first Plan::n_valid of the split.
    virtual std::vector<int> validation(const Plan& plan, const Split& split) const;
    /// The metric that settings are chosen and judged by.
    virtual std::string primary(const Plan&, bool behavioural) const { return primary_metric(behavioural); }

    /// Carries out a task that is not finished, from the first unit that the journal lacks. Afterwards the
    /// closing record is in the journal (close_task()).
    virtual void run(TaskContext& context) const = 0;

    /// Is a second run of a task on a model finished, or none needed? After all tasks of all models of a plan
    /// of several models, second_run() is called for each task, seed and model for which this is false. `own`
    /// is the closing record of the task on this model, `closings` those on all models in the plan's order.
    virtual bool has_second_run(const Units& /*units*/, const ClosedTask& /*own*/,
                                const std::vector<ClosedTask>& /*closings*/) const {
        return true;
    }
    /// Carries out that second run. The context's engine has this model.
    virtual void second_run(TaskContext&, const ClosedTask& /*own*/,
                            const std::vector<ClosedTask>& /*closings*/) const {}

    /// Adds what the protocol computes from a task's records to the summary: TaskSummary::analyses. Called
    /// before adjust(). A pure function.
    virtual void analyse(const Plan&, const TaskRecords&, TaskSummary&) const {}
    /// The same over all tasks of a run: Summary::analyses. Called before the verdicts. `records` has one
    /// element for each of Summary::tasks, in that order.
    virtual void analyse_run(const Plan&, const std::vector<TaskRecords>& /*records*/, Summary&) const {}
    /// One sentence on a task: what was found there.
    virtual std::string verdict(const Plan& plan, const TaskSummary& task) const = 0;
    /// What was found over all tasks, one sentence each.
    virtual std::vector<std::string> findings(const Plan& plan, const Summary& summary) const = 0;
    /// The rules that a reader of the report needs to know, one or more sentences each.
    virtual std::vector<std::string> notes(const Plan& plan) const = 0;
};

/// All protocols: the default one, then the others by name.
const std::vector<const Protocol*>& protocols();
/// nullptr when there is none of this name.
const Protocol* find_protocol(const std::string& name);
/// The protocol of a plan that passed check_plan(); the default one where the name is unknown.
const Protocol& protocol_of(const Plan& plan);

}  // namespace tiller::study
