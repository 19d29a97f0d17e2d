// Makes summaries from records. Pure functions, so that a report can be rebuilt at any time.
#pragma once

#include "study/environment.h"
#include "study/task_records.h"

namespace tiller::study {

/// The summary of one finished task, without its verdict, which may depend on the run's other tasks. Throws
/// bad_input when a setting has no records.
TaskSummary summarise_task(const Plan& plan, const TaskRecords& records);

/// The summary of a run: the tasks that Environment::tasks names and whose closing record is in `units`, in
/// the order of Environment::tasks. Throws bad_input when records are missing or damaged.
Summary summarise(const Plan& plan, const Units& units, const Environment& environment);

}  // namespace tiller::study
