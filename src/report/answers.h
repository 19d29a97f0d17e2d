// Reads a comparison's table "answers" (AnalysisSummary) by the ids of its columns, and marks the best
// settings in the other tables accordingly: only methods that are shown to work.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::report {

/// One row of the table: which method to use for a task, over all seeds. Numbers that the table lacks are
/// NaN.
struct Answer {
    std::string name;                ///< The row's id: the task; "model, task" for several models.
    std::vector<std::size_t> tasks;  ///< Indices in Summary::tasks, one per seed; empty when none matches.
    std::string method;              ///< The one with the highest score; empty where all outputs are broken.
    bool shown = false;              ///< Is the method shown to work? False without a method.
    /// The method's score, and its paired differences to the zero-shot prompt and to its control.
    Interval score, over_zero_shot, over_control;
    double broken = 0;      ///< Share of broken outputs, [0, 1].
    double perplexity = 0;  ///< As a multiple of the zero-shot prompt's.
    std::string remark;     ///< May be empty.
};

/// Id of the table of answers, which is shown at the top of the page.
inline constexpr const char* kAnswers = "answers";

/// One answer for each row, in the table's order. Empty without such a table, and when a row has no id (as in
/// tables of older versions).
std::vector<Answer> answers_of(const Summary& summary);

/// The primary metric of the test setting with the id `setting`, over all seeds of the answer's task; NaN
/// where no seed has it. With several seeds the interval is that of the table "seeds"; without such a row
/// there is a mean only.
Interval score_of(const Summary& summary, const Answer& answer, const std::string& setting);

/// The id of a task's few-shot baseline ("10-shot"); empty when there is none.
std::string few_shot_id(const TaskSummary& task);

/// The words before the command that uses the task's best vector: "Use it", or a warning where the answer
/// says that no method is shown to work. `task` is an element of summary.tasks, here and below.
std::string use_lead(const Summary& summary, const TaskSummary& task);

/// Ids of the settings that the task's tables mark as best. Without an answer for the task: best_of(). With
/// one: the chosen setting of the answer's method, or none when that method is not shown to work. With one
/// seed, a share must also be above 0; with several, is_shown() must hold for this seed.
std::set<std::string> best_shown(const Summary& summary, const TaskSummary& task);

}  // namespace tiller::report
