// From records to a Summary: pure, so that a report can be rebuilt at any time.
#pragma once

#include "study/environment.h"
#include "study/task_records.h"

namespace tiller::study {

/// Summary of one finished task, without the verdict, which depends on the run's other tasks. Throws
/// bad_input where a setting has no records.
TaskSummary summarise_task(const Plan& plan, const TaskRecords& records);

/// Summaries of the finished tasks among those that the environment names. Throws bad_input.
Summary summarise(const Plan& plan, const Units& units, const Environment& environment);

}  // namespace tiller::study
